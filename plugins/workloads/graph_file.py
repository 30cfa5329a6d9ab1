"""What readers of task graphs share: an order of the tasks, the first N of them, and made-up GPU times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path

import numpy as np

from engine.errors import InputError, TaskError
from engine.workload import Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import WorkloadRequest
from plugins.workloads.invented import invented_gpu_s, lacks_gpu_times
from plugins.workloads.trace import Account, TraceParams


@dataclass(frozen=True, slots=True)
class GraphTask:
    """One task as read. ``where`` says where in the file it is; ``parents`` are positions among the tasks read, with
    ``parents_gb`` of data from each; ``features`` are what is known of it before it runs."""

    name: str
    where: str
    cpu_s: float
    parents: Sequence[int]
    parents_gb: Sequence[float]
    memory_gb: float = 0.0
    slots: int = 1
    features: Sequence[float] = ()


def topological(parents: Sequence[Sequence[int]]) -> list[int]:
    """Return the tasks with parents before children, otherwise in their order; those on a circle, and what comes after
    them, are missing."""
    children: list[list[int]] = [[] for _ in parents]
    for task, row in enumerate(parents):
        for parent in row:
            children[parent].append(task)
    missing = [len(row) for row in parents]
    ready = [task for task, count in enumerate(missing) if not count]
    heapify(ready)
    order = []
    while ready:
        task = heappop(ready)
        order.append(task)
        for child in children[task]:
            missing[child] -= 1
            if not missing[child]:
                heappush(ready, child)
    return order


def graph_workload(
    path: Path, tasks: Sequence[GraphTask], request: WorkloadRequest, account: Account, feature_names: Sequence[str]
) -> Workload:
    """Return the tasks as a workload that arrives at once; ``request.tasks`` takes the first ones whose parents are
    among them.

    Raises :class:`InputError` with the place in the file of a task that cannot be, or that its own parents wait for.
    """
    order = topological([task.parents for task in tasks])
    if len(order) < len(tasks):
        raise InputError(f"'{path}', {_on_a_circle(tasks, order)}; a task graph has no circles. Nothing was started.")
    chosen = [order[i] for i in account.choose(np.zeros(len(order)), TraceParams(), request.tasks).tolist()]
    position = {task: i for i, task in enumerate(chosen)}
    taken = [tasks[i] for i in chosen]
    seconds = np.array([[task.cpu_s] for task in taken])
    models: tuple[str, ...] = ("cpu",)
    if lacks_gpu_times(request.cluster, models):
        models = ("cpu", "gpu")
        seconds = np.hstack([seconds, invented_gpu_s(seconds[:, 0], request.seed, account)[:, None]])
    try:
        result = workload(
            path.stem,
            models,
            np.zeros(len(taken)),
            seconds,
            features=[task.features for task in taken],
            feature_names=feature_names,
            memory_gb=[task.memory_gb for task in taken],
            slots=[task.slots for task in taken],
            parents=[[position[parent] for parent in task.parents] for task in taken],
            parents_gb=[task.parents_gb for task in taken],
            names=[task.name for task in taken],
            notes=account.notes(),
        )
    except TaskError as error:
        raise InputError(f"'{path}', {taken[error.task].where}: {error}") from error
    return result if request.load is None else rescaled(result, request.cluster, request.load)


def _on_a_circle(tasks: Sequence[GraphTask], order: Sequence[int]) -> str:
    """Name a task of a circle: of those without an order each has a parent without one."""
    unordered = set(range(len(tasks))).difference(order)
    task, seen = min(unordered), set[int]()
    while task not in seen:
        seen.add(task)
        task = next(parent for parent in tasks[task].parents if parent in unordered)
    return f"{tasks[task].where}: the parents of task '{tasks[task].name}' wait for it"
