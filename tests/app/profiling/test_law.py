"""How the law is held against what was measured, on times made up by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.command.profile_kernels import sentences
from app.profiling.kernels.law import Alone, Point, compare


def test_the_law_is_the_engines_and_a_device_without_a_share_does_not_count() -> None:
    # the GPU: 0.5 s to launch, then 1 s and 2 GB at 2 GB/s for the whole
    alone = Alone(cpu_s=4.0, gpu_s=1.0, transfer_gb=2.0, latency_s=0.5, link_gb_s=2.0)
    assert alone.best_fraction() == pytest.approx(3.5 / 6)
    assert alone.law_s(3.5 / 6) == pytest.approx(4 - 4 * 3.5 / 6)
    assert (alone.law_s(0.0), alone.law_s(0.25), alone.law_s(0.75), alone.law_s(1.0)) == (4.0, 3.0, 2.0, 2.5)
    slow_link = Alone(cpu_s=0.4, gpu_s=1.0, transfer_gb=2.0, latency_s=0.5, link_gb_s=2.0)
    assert slow_link.best_fraction() == 0.0
    assert slow_link.law_s(0.0) == 0.4


def test_errors_are_those_of_the_co_executed_runs_and_the_chosen_split_is_held_against_the_best_measured() -> None:
    def point(size: int, fraction: float, measured_s: float, law_s: float, chosen: bool = False) -> Point:
        return Point("saxpy", size, fraction, measured_s, 0.02, law_s, chosen)

    points = [
        point(1, 0.0, 4.0, 4.0),
        point(1, 0.25, 4.0, 3.0),
        point(1, 0.5, 2.0, 2.2, chosen=True),
        point(1, 1.0, 3.0, 9.0),
        point(2, 0.0, 4.0, 4.0, chosen=True),
        point(2, 0.5, 3.2, 3.0),
        point(2, 1.0, 9.0, 9.0),
    ]
    found = compare(points)
    assert found.runs == 3
    assert found.median_error == pytest.approx(0.1)  # of 25 % and 6.25 % too short, 10 % too long
    assert found.too_short == pytest.approx(2 / 3)
    assert found.chosen == (0.5, 0.0)
    assert found.over_best == pytest.approx((0.0, 0.25))
    assert found.speed_up == pytest.approx((1.5, 1.0))
    exact = replace(found, median_error=0.0)
    assert sentences({"saxpy": found, "matmul": exact}, found) == [
        "Over 3 co-executed splits the law is off by 10.0 % in the median (9 of 10: at most 22.0 %), where repeats of "
        "the same split differ by 2.0 %; 66.7 % of them took longer than it says.",
        "It is furthest off for saxpy, by 10.0 % in the median, and 66.7 % of its splits took longer: the law knows "
        "no contention for memory that both devices use.",
        "The split that it chooses took 12.5 % longer than the best of those measured in the median, at most 25.0 %; "
        "for 1 of 2 sizes within 5 %.",
    ]


def test_where_nothing_was_co_executed_no_error_is_made_up() -> None:
    found = compare([Point("saxpy", 1, 0.0, 1.0, 0.0, 1.0, True), Point("saxpy", 1, 1.0, 2.0, 0.0, 2.0, False)])
    assert found.median_error is None
    assert len(sentences({"saxpy": found}, found)) == 1
