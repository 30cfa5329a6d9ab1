"""The pace of a watched race."""

from __future__ import annotations

from app.pace import Pace


def test_the_arrivals_take_eighteen_seconds_whatever_the_workload() -> None:
    assert Pace().rate(36.0, None) == 2.0
    assert Pace().rate(1800.0, None) == 100.0


def test_the_tail_drains_in_three_seconds() -> None:
    assert Pace().rate(36.0, 30.0, before=2.0) == 10.0


def test_the_tail_never_slows_down_while_it_shrinks() -> None:
    assert Pace().rate(36.0, 0.5, before=10.0) == 10.0


def test_tasks_that_all_arrive_at_once_get_the_whole_time_for_their_tail() -> None:
    assert Pace().rate(0.0, 42.0) == 2.0
