"""Why a rule cannot serve a task: it fits nowhere that the rule uses."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.cluster import Cluster, Device
from engine.task import TaskColumns


def nowhere_whole(rule: str, tasks: TaskColumns, cluster: Cluster, devices: Sequence[Device]) -> str | None:
    """Return a sentence about the first task that no one of these devices can run whole, or None."""
    columns = cluster.columns_in(tasks.models)
    places = sorted({(d.slots, d.memory_gb, columns[d.index]) for d in devices}, reverse=True)
    for index, (slots, memory_gb) in enumerate(zip(tasks.slots, tasks.memory_gb, strict=True)):
        if not any(
            slots <= s and memory_gb <= gb and (tasks.runs_on is None or tasks.runs_on[index][model])
            for s, gb, model in places
        ):
            return f"{rule} cannot place task {index}: no single device that it uses can run it whole."
    return None


def nowhere_split(rule: str, tasks: TaskColumns, cluster: Cluster) -> str | None:
    """Return a sentence about the first task that fits neither one device nor, if divisible, a CPU+GPU pair.

    Memory alone is weighed for pairs: slots and impossible device models are those of each device.
    """
    columns = cluster.columns_in(tasks.models)
    places = {(d.kind, d.slots, d.memory_gb, columns[d.index]) for d in cluster.devices}
    for index, (slots, memory_gb) in enumerate(zip(tasks.slots, tasks.memory_gb, strict=True)):
        usable = [
            (kind, gb)
            for kind, s, gb, model in places
            if slots <= s and (tasks.runs_on is None or tasks.runs_on[index][model])
        ]
        largest = max((gb for _, gb in usable), default=-1.0)
        cpu_gb = max((gb for kind, gb in usable if kind == "cpu"), default=-math.inf)
        gpu_gb = max((gb for kind, gb in usable if kind == "gpu"), default=-math.inf)
        if memory_gb > largest and not (tasks.divisible[index] and memory_gb < cpu_gb + gpu_gb):
            return f"{rule} cannot place task {index}: it fits neither one device nor a CPU and a GPU together."
    return None
