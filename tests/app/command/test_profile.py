"""``schedrace profile``: this machine as a cluster file, with and without GPUs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.profiling import cpu, power
from plugins.clusters import load_cluster

from .conftest import Command

CARD = "NVIDIA GeForce RTX 3090, 24576, 22.51, 350.00, 4, 16"
Smi = Callable[[str], None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure small things: what is proved here is not how fast this machine is."""
    monkeypatch.setattr(cpu, "_PRODUCT_N", 128)
    monkeypatch.setattr(cpu, "_COPY_BYTES", 2**20)
    monkeypatch.setattr(cpu, "_LEAST_S", 0.0)
    monkeypatch.setattr(cpu, "_IDLE_S", 0.01)


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smi:
    """Put a program called nvidia-smi on the PATH that does what the given shell lines say."""

    def install(lines: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide an nvidia-smi that this machine may have."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_gpu")
def test_the_file_that_is_written_is_a_cluster_whose_figures_say_where_they_are_from(
    schedrace: Command, tmp_path: Path
) -> None:
    out = tmp_path / "here.toml"
    said = schedrace("profile", "--out", out)
    assert said.status == 0
    assert said.out == ""
    assert f"--cluster {out}" in said.err
    (device,) = load_cluster(out).devices
    assert (device.id, device.kind, device.model, device.slots) == ("cpu", "cpu", "cpu", 1)
    assert device.speed > 0 and device.active_w > device.idle_w > 0
    for origin in (
        "logical cores",
        "measured",
        "GFLOP/s in a float32 matrix product",
        "GB/s read",
        "watts",
        "no price",
    ):
        assert origin in device.source


@pytest.mark.usefixtures("no_gpu")
def test_without_out_the_cluster_file_goes_to_standard_output_and_progress_does_not(
    schedrace: Command, tmp_path: Path
) -> None:
    said = schedrace("profile")
    (tmp_path / "printed.toml").write_text(said.out)
    assert load_cluster(tmp_path / "printed.toml").summary() == "1 CPU"
    assert "Timing a matrix product" in said.err


@pytest.mark.usefixtures("no_gpu")
def test_the_json_has_every_figure(schedrace: Command) -> None:
    (device,) = json.loads(schedrace("profile", "--json").out)["devices"]
    assert device["gflop_s"] > 0 and device["copy_gb_s"] > 0
    assert device["link_gb_s"] is None
    assert len(device["origins"]) == 6


def test_gpus_come_from_nvidia_smi_and_an_untimed_one_says_that_its_speed_is_a_guess(
    schedrace: Command, nvidia_smi: Smi, tmp_path: Path
) -> None:
    nvidia_smi(f'echo "$@" > {tmp_path}/asked\necho "{CARD}"\necho "Tesla K80, [N/A], [N/A], [N/A], [N/A], [N/A]"')
    said = schedrace("profile", "--out", tmp_path / "gpus.toml")
    assert said.status == 0, said.err
    assert "--format=csv,noheader,nounits" in (tmp_path / "asked").read_text()
    _, known, silent = load_cluster(tmp_path / "gpus.toml").devices
    assert (known.id, known.kind, known.model, known.speed) == ("gpu-0", "gpu", "gpu", 1.0)
    assert (known.memory_gb, known.idle_w, known.active_w, known.link_gb_s) == (25.8, 22.51, 350.0, 23.9)
    assert known.source.startswith("NVIDIA GeForce RTX 3090: not timed (")
    assert "speed 1 is a guess" in known.source and "power limit" in known.source
    assert "PCIe 4 x16 as nvidia-smi reports it: 31.5 GB/s" in known.source
    assert (silent.id, silent.memory_gb, silent.active_w, silent.link_gb_s) == ("gpu-1", float("inf"), 250.0, 12.0)
    assert "active_w = 250 is an assumption" in silent.source


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("echo 'NVIDIA-SMI has failed: no driver' >&2; exit 9", "status 9: NVIDIA-SMI has failed: no driver"),
        ("echo 'No devices were found'", "has not the 6 fields asked for"),
    ],
)
def test_an_nvidia_smi_that_fails_is_a_sentence_and_the_cpu_is_profiled_all_the_same(
    schedrace: Command, nvidia_smi: Smi, tmp_path: Path, lines: str, message: str
) -> None:
    nvidia_smi(lines)
    said = schedrace("profile", "--out", tmp_path / "cpu.toml")
    assert said.status == 0
    assert "The GPUs of this machine are left out: nvidia-smi" in said.err and message in said.err
    assert load_cluster(tmp_path / "cpu.toml").summary() == "1 CPU"


def test_a_library_that_can_times_the_gpu_of_that_name(
    schedrace: Command, nvidia_smi: Smi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(f'echo "{CARD}"\necho "Another, 1024, 10, 100, 3, 16"')
    monkeypatch.setattr("app.profiling.gpu_product._N", 64)
    (tmp_path / "cupy.py").write_text(FAKE_CUPY)
    (tmp_path / "torch.py").write_text("raise OSError('libcuda is too old')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for library in ("torch", "cupy"):
        monkeypatch.setitem(sys.modules, library, None)  # so that it is taken out again afterwards
        del sys.modules[library]
    (_, timed, other) = json.loads(schedrace("profile", "--json").out)["devices"]
    assert timed["gflop_s"] > 0
    assert timed["origins"][0].startswith("measured") and "(cupy, n = 64)" in timed["origins"][0]
    assert other["gflop_s"] is None
    assert "torch failed with OSError: libcuda is too old; cupy does not see it" in other["origins"][0]


def test_energy_counters_give_the_watts_where_they_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "shows no energy counters" in str(power.energy_counters(tmp_path))
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    for name, text in (("name", "package-0"), ("energy_uj", "990000"), ("max_energy_range_uj", "1000000")):
        (package / name).write_text(text)
    core = tmp_path / "intel-rapl:0:0"
    core.mkdir()
    (core / "name").write_text("core")
    counters = power.energy_counters(tmp_path)
    assert isinstance(counters, power.EnergyCounters)
    assert counters.packages == (package,)

    seconds = iter((10.0, 10.5))
    monkeypatch.setattr(power.time, "perf_counter", lambda: next(seconds))
    # past the end of the range: 50 mJ in half a second
    assert counters.watts_during(lambda: (package / "energy_uj").write_text("40000")) == 0.1
    (package / "energy_uj").write_text("none")
    assert power.energy_counters(tmp_path) == "the energy counters (RAPL) hold no number"


def test_the_watts_of_the_counters_are_those_of_the_file(
    schedrace: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Rising:
        """Counters that rise by 2 mJ each time they are looked at."""

        seen = 0

        def __call__(self, package: Path) -> int:
            self.seen += 2000
            return self.seen

    monkeypatch.setattr(power, "_microjoules", Rising())
    monkeypatch.setattr(cpu, "energy_counters", lambda: power.EnergyCounters((tmp_path,)))
    device = json.loads(schedrace("profile", "--json").out)["devices"][0]
    assert 0 < device["idle_w"] <= device["active_w"]
    assert any("watts measured by the energy counters" in origin for origin in device["origins"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("here.csv", "give it a name that ends in .toml"),
        ("there.toml", "exists, and may have been changed by hand"),
        ("none/here.toml", "There is no folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(
    schedrace: Command, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "there.toml").write_text("mine")
    said = schedrace("profile", "--out", tmp_path / name)
    assert said.status == 2
    assert message in said.err
    assert "Timing" not in said.err
    assert (tmp_path / "there.toml").read_text() == "mine"


def test_ctrl_c_ends_it_and_leaves_no_file(tmp_path: Path) -> None:
    out = tmp_path / "here.toml"
    running = subprocess.Popen(
        [sys.executable, "-m", "app", "profile", "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        # a suite that runs in the background of a shell ignores Ctrl-C, and so would its children
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stderr is not None
    assert "Timing" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Interrupted" in said
    assert not out.exists()


FAKE_CUPY = """
import contextlib, types
from numpy import float32, matmul
from numpy.random import default_rng

random = types.SimpleNamespace(random=lambda shape, dtype: default_rng(0).random(shape, dtype=dtype))


class Device(contextlib.nullcontext):
    def synchronize(self):
        pass


cuda = types.SimpleNamespace(
    Device=Device,
    runtime=types.SimpleNamespace(
        getDeviceCount=lambda: 1, getDeviceProperties=lambda index: {"name": b"NVIDIA GeForce RTX 3090"}
    ),
)
"""
