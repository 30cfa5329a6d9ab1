"""Schedules whose value others have computed: Braun's ETC instance u_c_hihi, the CPU/GPU split, measured kernels.

Braun et al., JPDC 61(6), 2001; instance from chgogos/hcsp. The traces are read where they lie and never copied here.
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
from plugins.schedulers.met import Met
from plugins.schedulers.min_min import MinMin

TRACES = Path(__file__).parents[2] / "../shared/traces"
MACHINES = tuple(f"m{i}" for i in range(16))
CPU_AND_GPU = Cluster("pair", (Device(0, "cpu-0", "cpu", "cpu"), Device(1, "gpu-0", "gpu", "gpu")))


@pytest.fixture(scope="module")
def u_c_hihi() -> Workload:
    file = TRACES / "braun/u_c_hihi.0"
    if not file.exists():
        pytest.skip(f"{file.name} is not there (../shared is handed over beside the repository)")
    numbers = file.read_text().split()
    assert numbers[:2] == ["512", "16"]
    return workload("u_c_hihi", MACHINES, np.zeros(512), np.array(numbers[3:], dtype=float).reshape(512, 16))


@pytest.fixture(scope="module")
def kernels() -> Workload:
    file = TRACES / "kernels/cgo17-nvidia.csv"
    if not file.exists():
        pytest.skip(f"{file.name} is not there (../shared is handed over beside the repository)")
    with file.open() as lines:
        rows = [(float(r["runtime_cpu"]) / 1e3, float(r["runtime_gpu"]) / 1e3) for r in csv.DictReader(lines)]
    return workload("cgo17", ("cpu", "gpu"), np.zeros(len(rows)), rows)


def sixteen_machines() -> Cluster:
    return Cluster("braun", tuple(Device(i, name, "cpu", name) for i, name in enumerate(MACHINES)))


def makespan_s(tasks: Workload, cluster: Cluster, scheduler: Scheduler) -> float:
    simulation = Simulation(tasks, cluster, scheduler)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return simulation.now_s


@pytest.mark.parametrize(("scheduler", "published_s"), [(MinMin, 8460675.003), (Mct, 11422624.494), (Met, 47472299.43)])
def test_braun_u_c_hihi_has_its_published_makespan(
    u_c_hihi: Workload, scheduler: type[Scheduler], published_s: float
) -> None:
    assert makespan_s(u_c_hihi, sixteen_machines(), scheduler()) == pytest.approx(published_s, abs=0.0006)


def test_the_fractional_linear_program_of_braun_u_c_hihi_has_its_known_optimum(u_c_hihi: Workload) -> None:
    assert 512 / sustainable_rate(u_c_hihi, sixteen_machines()) == pytest.approx(7346524.183, rel=1e-8)


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
