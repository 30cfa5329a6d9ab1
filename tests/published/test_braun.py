"""The heuristics of Braun et al., JPDC 61(6), 2001, on instances of their 512 x 16 ETC matrices (chgogos/hcsp).

Makespans and LP bounds are those of ``reference/braun_512x16.json``, to the three decimals given there. Conventions:
tasks in the order of the file, ties to the machine of the lowest index. The files are read where they lie.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.load import shortest_time_s, work_by_group
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.workload import Workload, workload
from plugins.clusters import machines
from plugins.schedulers.lp_split import LpSplit
from plugins.schedulers.max_min import MaxMin
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met
from plugins.schedulers.min_min import MinMin
from plugins.schedulers.olb import Olb
from plugins.schedulers.sufferage import Sufferage
from plugins.workload import WorkloadRequest
from plugins.workloads.etc_matrix import EtcMatrix

SHARED = Path(__file__).parents[2] / "../shared"
NAMES = ("u_c_hihi.0", "u_c_lolo.0", "u_i_hihi.0", "u_i_hilo.0", "u_s_hihi.0", "u_s_lohi.0")
COLUMNS: dict[str, type[Scheduler]] = {
    "OLB": Olb, "MET": Met, "MCT": Mct, "Min-min": MinMin, "Max-min": MaxMin, "Sufferage": Sufferage,
}  # fmt: skip
ROUNDED_S = 0.0006


def needed(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.name} is not there (../shared is handed over beside the repository)")
    return path


@cache
def published(name: str) -> dict[str, float]:
    values: dict[str, float] = json.loads(needed(SHARED / "reference/braun_512x16.json").read_text())[name]
    return values


@cache
def instance(name: str) -> Workload:
    path = needed(SHARED / "traces/braun" / name)
    return EtcMatrix().load(WorkloadRequest(machines(16), seed=0, path=path))


def makespan_s(tasks: Workload, cluster: Cluster, scheduler: Scheduler) -> float:
    simulation = Simulation(tasks, cluster, scheduler)
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    return simulation.now_s


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("heuristic", COLUMNS)
def test_every_heuristic_has_its_published_makespan_on_every_instance(heuristic: str, name: str) -> None:
    got_s = makespan_s(instance(name), machines(16), COLUMNS[heuristic]())
    assert got_s == pytest.approx(published(name)[heuristic], abs=ROUNDED_S)


@pytest.mark.parametrize("name", NAMES)
def test_every_instance_has_its_published_linear_programming_bound(name: str) -> None:
    bound_s = shortest_time_s(work_by_group(instance(name), machines(16)))
    assert bound_s == pytest.approx(published(name)["LP lower bound (fractional)"], abs=ROUNDED_S)


@pytest.mark.parametrize("name", NAMES)
def test_lp_split_reaches_the_bound_when_the_tasks_are_divisible(name: str) -> None:
    tasks = replace(instance(name), divisible=np.ones(512, dtype=bool))
    got_s = makespan_s(tasks, machines(16), LpSplit())
    assert got_s == pytest.approx(shortest_time_s(work_by_group(tasks, machines(16))), rel=1e-9)
    assert got_s == pytest.approx(published(name)["LP lower bound (fractional)"], abs=ROUNDED_S)


def test_lp_split_ends_the_measured_kernels_at_their_known_optimum() -> None:
    """680 OpenCL kernels (Cummins et al. 2017), all at once and all divisible, on one CPU and one GPU."""
    with needed(SHARED / "traces/kernels/cgo17-nvidia.csv").open() as lines:
        rows = [[float(row[f"runtime_{kind}"]) / 1000 for kind in ("cpu", "gpu")] for row in csv.DictReader(lines)]
    pair = Cluster("pair", (Device(0, "cpu-0", "cpu", "cpu"), Device(1, "gpu-0", "gpu", "gpu")))
    tasks = workload("cgo17", ("cpu", "gpu"), np.zeros(len(rows)), rows, divisible=True)
    assert makespan_s(tasks, pair, LpSplit()) == pytest.approx(46.32, abs=0.005)
