"""``schedrace profile --kernels``, with PoCL's devices in the places of a CPU and a GPU."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.profiling.kernels import devices, files, measuring, running
from app.profiling.kernels.devices import Pair
from app.profiling.kernels.law import Alone
from engine.errors import SchedRaceError
from tests.app.profiling.stand_ins import stand_ins as stand_ins

from .conftest import Command


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure little: what is proved here is not how fast this machine is."""
    saxpy, histogram = measuring.KERNELS[0], measuring.KERNELS[4]
    monkeypatch.setattr(measuring, "KERNELS", (saxpy, replace(histogram, steps=(8, 16))))
    monkeypatch.setattr(measuring, "ENOUGH_S", 0.0)
    monkeypatch.setattr(measuring, "SIZES", 2)
    monkeypatch.setattr(measuring, "REPEATS", 2)
    monkeypatch.setattr(running, "LINK_BYTES", 2**20)


@pytest.fixture
def a_gpu(stand_ins: Pair, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the stand-ins for this machine's devices."""
    monkeypatch.setattr(devices, "find_pair", lambda: stand_ins)


@pytest.mark.usefixtures("a_gpu")
def test_the_kernels_are_measured_compared_with_the_law_and_race_as_a_workload(
    schedrace: Command, tmp_path: Path
) -> None:
    out = tmp_path / "kernels"
    said = schedrace("profile", "--kernels", "--out", out)
    assert said.status == 0, said.err
    assert "Timing histogram, size 16 (4 of 4)" in said.err and f"Wrote {out}" in said.err
    assert "co-executed splits the law is off by" in said.out and "within 5 %" in said.out
    assert [path.name for path in tmp_path.iterdir()] == ["kernels"]

    with (out / "coexecution.csv").open() as stream:
        points = list(csv.DictReader(stream))
    of_one = [point for point in points if (point["kernel"], point["size"]) == ("saxpy", "65536")]
    fractions = {float(point["gpu_fraction"]) for point in of_one}
    assert {eighth / 8 for eighth in range(9)} <= fractions
    assert [point["chosen"] for point in of_one].count("1") == 1
    assert all(float(point["measured_s"]) > 0 for point in points)
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["gpu"]["name"].startswith("basic") and "pyopencl" in provenance["versions"]

    race = ("race", "--workload", out / "workload.csv", "--cluster", out / "cluster.toml", "--storage", "csv")
    results = tmp_path / "results"
    said = schedrace(*race, "--schedulers", "split_balance", "--tasks", "1", "--out", results)
    assert said.status == 0, said.err
    with (results / "results.csv").open() as stream:
        (raced,) = csv.DictReader(stream)
    with (out / "workload.csv").open() as stream:
        task = next(csv.DictReader(stream))
    alone = Alone(
        float(task["actual_cpu_s"]),
        float(task["actual_gpu_s"]),
        float(task["transfer_gb"]),
        provenance["latency_s"],
        provenance["link_gb_s"],
    )
    assert float(raced["gpu_fraction"]) == pytest.approx(alone.best_fraction())
    assert float(raced["finish_s"]) == pytest.approx(alone.law_s(alone.best_fraction()))


@pytest.mark.usefixtures("a_gpu")
def test_the_json_has_every_point_and_without_out_nothing_is_written(schedrace: Command) -> None:
    said = schedrace("profile", "--kernels", "--json")
    assert "Nothing was written" in said.err
    summary = json.loads(said.out)
    assert [kernel["kernel"] for kernel in summary["kernels"]] == ["saxpy", "saxpy", "histogram", "histogram"]
    assert set(summary["kernels"][0]["points"][0]) == {
        "gpu_fraction", "measured_s", "law_s", "error", "spread", "chosen"
    }  # fmt: skip
    assert len(summary["law"]["chosen"]) == 4


def test_without_a_gpu_it_says_so(stand_ins: Pair, schedrace: Command, tmp_path: Path) -> None:
    said = schedrace("profile", "--kernels", "--out", tmp_path / "kernels")
    assert said.status == 1
    assert said.err.startswith("OpenCL finds no GPU on this machine, only ") and said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_pyopencl_it_says_how_to_get_it(schedrace: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyopencl", None)
    said = schedrace("profile", "--kernels")
    assert said.status == 1
    assert "pipx install '.[kernels]'" in said.err


@pytest.mark.usefixtures("a_gpu")
def test_ctrl_c_while_kernels_run_leaves_nothing(
    schedrace: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(queues: running.TwoQueues) -> tuple[float, float]:
        raise KeyboardInterrupt

    monkeypatch.setattr(running.TwoQueues, "gpu_alone_s", interrupted)
    said = schedrace("profile", "--kernels", "--out", tmp_path / "kernels")
    assert said.status == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("there", "exists"), ("lab.toml", "--kernels writes a folder"), ("none/here", "There is no folder")],
)
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_measured(
    schedrace: Command, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "there").mkdir()
    said = schedrace("profile", "--kernels", "--out", tmp_path / name)
    assert said.status == 2
    assert message in said.err


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("")
    with pytest.raises(SchedRaceError, match="cannot be written: Directory not empty"):
        files.write_folder(tmp_path / "taken", {"workload.csv": "name\n"})
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine"]
