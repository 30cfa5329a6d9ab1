"""The measurement that comes with SchedRace is what its preset, the engine's law and the help pages say of it."""

from __future__ import annotations

import csv
import json
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from app.profiling.kernels.law import Alone, Point, compare
from plugins.clusters import load_cluster
from plugins.workloads.csv_file import read_workload

RESOURCES = files("resources")
MEASURED = RESOURCES / "workloads" / "kernels_h100"


@cache
def rows() -> list[dict[str, str]]:
    return list(csv.DictReader((MEASURED / "coexecution.csv").read_text(encoding="utf-8").splitlines()))


def points() -> list[Point]:
    return [
        Point(
            row["kernel"], int(row["size"]), float(row["gpu_fraction"]), float(row["measured_s"]),
            float(row["spread"]), float(row["law_s"]), row["chosen"] == "1",
        )
        for row in rows()
    ]  # fmt: skip


def test_every_law_in_the_measured_splits_is_the_engines_on_the_workload_and_the_preset() -> None:
    tasks = read_workload(Path(str(MEASURED / "workload.csv")))
    provenance = json.loads((MEASURED / "provenance.json").read_text(encoding="utf-8"))
    cpu, gpu = load_cluster("kernels_h100").devices
    assert (cpu.speed, gpu.speed) == (1.0, 1.0)
    assert gpu.link_gb_s == provenance["link_gb_s"] and gpu.link_latency_s == provenance["latency_s"]
    alone = {
        name: Alone(*seconds, transfer_gb, gpu.link_latency_s, gpu.link_gb_s)
        for name, seconds, transfer_gb in zip(
            tasks.names or (), tasks.actual_s.tolist(), tasks.transfer_gb.tolist(), strict=True
        )
    }
    measured = points()
    assert {f"{point.kernel}/{point.size}" for point in measured} == set(alone)
    for point, row in zip(measured, rows(), strict=True):
        law_s = alone[f"{point.kernel}/{point.size}"].law_s(point.fraction)
        # of gpu_fraction's six digits 1 - fraction leaves fewer where the law chose one near 1
        assert point.law_s == pytest.approx(law_s, rel=2e-5 if point.chosen else 1e-5)
        assert float(row["error"]) == pytest.approx(point.error, abs=1e-5)


def test_the_pages_say_of_the_law_what_was_measured() -> None:
    found = compare(points())
    within = sum(over <= 0.05 for over in found.over_best)
    assert found.median_error is not None and found.ninth_error is not None and found.spread is not None
    page = " ".join((RESOURCES / "help" / "formats.md").read_text(encoding="utf-8").split())
    assert (
        f"off by {100 * found.median_error:.1f} % in the median over {found.runs} co-executed splits (9 of 10: at most "
        f"{100 * found.ninth_error:.1f} %), where repeats of a split differ by {100 * found.spread:.1f} %; the split "
        f"that it chooses is within 5 % of the best measured for {within} of {len(found.over_best)} sizes"
    ) in page


def test_the_splits_that_fail_are_small_shares_of_nbody_and_stencil_and_nbody_leaves_cores_idle() -> None:
    chosen = [point for point in points() if point.chosen and point.kernel in ("nbody", "stencil")]
    alone_s = {(point.kernel, point.size): point.measured_s for point in points() if point.fraction == 1.0}
    slower = [point.measured_s / alone_s[point.kernel, point.size] for point in chosen]
    assert (round(min(slower), 1), round(max(slower), 1)) == (1.4, 2.6)
    assert all(0.005 < 1 - point.fraction < 0.03 for point in chosen)
    assert [round((1 - point.fraction) * point.size / 64) for point in chosen if point.kernel == "nbody"] == [7, 9, 6]
    late = [point.measured_s / point.law_s for point in chosen if point.kernel == "stencil"]
    assert (round(min(late), 1), round(max(late), 1)) == (1.6, 1.8)
