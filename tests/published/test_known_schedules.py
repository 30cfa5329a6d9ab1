"""Schedules whose value others have computed: the CPU/GPU split, measured kernels.

The traces are read where they lie and never copied here.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.load import sustainable_rate
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.workload import Workload, workload
from plugins.schedulers.cpu_only import CpuOnly
from plugins.schedulers.gpu_only import GpuOnly
from plugins.schedulers.mct import Mct

TRACES = Path(__file__).parents[2] / "../shared/traces"
CPU_AND_GPU = Cluster("pair", (Device(0, "cpu-0", "cpu", "cpu"), Device(1, "gpu-0", "gpu", "gpu")))


@pytest.fixture(scope="module")
def kernels() -> Workload:
    file = TRACES / "kernels/cgo17-nvidia.csv"
    if not file.exists():
        pytest.skip(f"{file.name} is not there (../shared is handed over beside the repository)")
    with file.open() as lines:
        rows = [(float(r["runtime_cpu"]) / 1e3, float(r["runtime_gpu"]) / 1e3) for r in csv.DictReader(lines)]
    return workload("cgo17", ("cpu", "gpu"), np.zeros(len(rows)), rows)


def makespan_s(tasks: Workload, cluster: Cluster, scheduler: Scheduler) -> float:
    simulation = Simulation(tasks, cluster, scheduler)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return simulation.now_s


@pytest.mark.parametrize(("cpu_s", "gpu_s"), [(3.0, 1.0), (1.0, 1.0), (10.0, 0.25), (0.3, 7.0)])
def test_one_divisible_task_on_two_free_devices_takes_the_harmonic_time(cpu_s: float, gpu_s: float) -> None:
    """Qilin's split (Luk, Hong & Kim, MICRO 2009): tc tg / (tc + tg) where nothing has to be transferred."""
    one = workload("one task", ("cpu", "gpu"), [0.0], [[cpu_s, gpu_s]], divisible=True)
    assert makespan_s(one, CPU_AND_GPU, Mct()) == pytest.approx(cpu_s * gpu_s / (cpu_s + gpu_s), rel=1e-12)


@pytest.mark.parametrize(("scheduler", "known_s"), [(CpuOnly, 365.8), (GpuOnly, 160.4), (Mct, 69.4)])
def test_the_measured_kernels_all_at_once_take_their_known_time(
    kernels: Workload, scheduler: type[Scheduler], known_s: float
) -> None:
    assert makespan_s(kernels, CPU_AND_GPU, scheduler()) == pytest.approx(known_s, abs=0.05)


def test_the_split_optimum_of_the_measured_kernels_is_the_known_one(kernels: Workload) -> None:
    assert len(kernels) / sustainable_rate(kernels, CPU_AND_GPU) == pytest.approx(46.32, abs=0.005)
