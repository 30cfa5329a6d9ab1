"""Small races that between them use everything that a policy can meet."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.cluster import Cluster, Device
from engine.workload import FloatArray, Workload, workload
from plugins.clusters import load_cluster
from plugins.workload import WorkloadRequest
from plugins.workloads.cholesky import Cholesky
from plugins.workloads.synthetic import Synthetic, SyntheticParams
from plugins.workloads.tiled import TiledParams


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A workload on a cluster, and what it is about."""

    name: str
    tasks: Workload
    cluster: Cluster


def cases() -> list[Case]:
    """Return the races that every policy must survive, or decline with a sentence."""
    small, default = load_cluster("small"), load_cluster("default")
    return [
        Case("one task", _at([0.0]), small),
        Case("independent tasks", synthetic(default, 150, divisible=0.0), default),
        Case("divisible tasks", synthetic(default, 150, divisible=1.0), default),
        Case("all tasks at once", _at([0.0] * 30), default),
        Case("pauses without any task", _at([0.0, 1e3, 1e3, 2e3, 9e3]), small),
        Case("tasks of several slots and much memory", _wide(), _wide_cluster()),
        Case("tasks that run on one kind only", _picky(), default),
        Case("a task graph", Cholesky(TiledParams(tiles=5)).load(WorkloadRequest(small, seed=1)), small),
        Case("a task graph that arrives over time", _chain(), default),
    ]


def synthetic(cluster: Cluster, count: int, divisible: float) -> Workload:
    """Return a little of the default workload."""
    return Synthetic(SyntheticParams(divisible=divisible)).load(WorkloadRequest(cluster, seed=1, tasks=count))


def _seconds(rng: np.random.Generator, count: int) -> FloatArray:
    return np.exp(rng.normal(-1.0, 0.7, (count, 2)))


def _at(arrival_s: list[float]) -> Workload:
    rng = np.random.default_rng(2)
    seconds = _seconds(rng, len(arrival_s))
    return workload("conformance", ("cpu", "gpu"), arrival_s, seconds * 1.1, etc_s=seconds)


def _wide() -> Workload:
    rng, count = np.random.default_rng(3), 80
    seconds = _seconds(rng, count)
    return workload(
        "wide",
        ("cpu", "gpu"),
        np.cumsum(rng.exponential(0.1, count)),
        seconds,
        memory_gb=rng.uniform(0.0, 8.0, count),
        transfer_gb=rng.uniform(0.0, 1.0, count),
        slots=rng.integers(1, 5, count),
        divisible=rng.random(count) < 0.5,
    )


def _wide_cluster() -> Cluster:
    cpu = Device(0, "cpu-0", "cpu", "cpu", slots=8, memory_gb=16.0, active_w=100.0)
    return Cluster(
        "wide",
        (
            cpu,
            Device(1, "cpu-1", "cpu", "cpu", slots=4, speed=1.5, memory_gb=8.0, active_w=60.0),
            Device(2, "gpu-0", "gpu", "gpu", slots=2, memory_gb=6.0, link_gb_s=12.0, link_latency_s=1e-4),
        ),
    )


def _picky() -> Workload:
    rng, count = np.random.default_rng(4), 60
    seconds = _seconds(rng, count)
    seconds[::3, 1] = math.inf
    seconds[1::3, 0] = math.inf
    return workload("picky", ("cpu", "gpu"), np.cumsum(rng.exponential(0.1, count)), seconds, divisible=True)


def _chain() -> Workload:
    """Each task waits for up to two of those before it."""
    rng, count = np.random.default_rng(5), 40
    parents = [sorted({int(p) for p in rng.integers(0, i, 2)}) if i else [] for i in range(count)]
    return workload(
        "chain",
        ("cpu", "gpu"),
        np.cumsum(rng.exponential(0.2, count)),
        _seconds(rng, count),
        parents=parents,
        parents_gb=[[0.5] * len(row) for row in parents],
    )
