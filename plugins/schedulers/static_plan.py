"""What rules share that plan a whole task graph at the start: its mean costs, its ranks, and the plan itself.

Notation and equations: Topcuoglu, Hariri & Wu, 'Performance-effective and low-complexity task scheduling for
heterogeneous computing', IEEE TPDS 13(3), 2002.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from engine.cluster import Cluster
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_whole

Option = tuple[float, int, float]
"""(planned finish, device, planned start) of a task: the least of several finishes first, ties to the lower device."""


def declines_plan(rule: str, tasks: TaskColumns, cluster: Cluster) -> str | None:
    """Return why a plan made at the start cannot hold this workload: tasks that arrive later, several slots."""
    if len(set(tasks.arrival_s)) > 1:
        return f"{rule} plans the whole graph at the start, but this workload's tasks arrive over time."
    if max(tasks.slots) > 1 or any(d.slots > 1 for d in cluster.devices):
        return f"{rule} plans devices and tasks of one slot each; take machines:N, or a cluster file with count = N."
    return nowhere_whole(rule, tasks, cluster, cluster.devices)


class Graph:
    """The pending tasks as a graph with costs, all by task index.

    ``seconds`` has one entry a device (inf where the task does not fit), ``mean_s`` their mean w over the devices where
    it fits. ``parents`` and ``children`` hold (task, seconds that the data take between two devices): the paper's mean
    communication cost, start-up plus data over rate. ``order`` is topological.
    """

    __slots__ = ("children", "mean_s", "order", "parents", "seconds", "tasks")

    def __init__(self, pending: Iterable[Task], state: ClusterState) -> None:
        self.tasks = {task.index: task for task in pending}
        link = state.cluster.link
        self.seconds = {i: _seconds(task, state) for i, task in self.tasks.items()}
        self.mean_s = {i: _mean_where_finite(row) for i, row in self.seconds.items()}
        self.parents = {
            i: [(p, link.latency_s + gb / link.gb_s) for p, gb in zip(task.parents, task.parent_gb, strict=True)]
            for i, task in self.tasks.items()
        }
        self.children: dict[int, list[tuple[int, float]]] = {i: [] for i in self.tasks}
        for i, parents in self.parents.items():
            for parent, transfer_s in parents:
                self.children[parent].append((i, transfer_s))
        self.order = list(self.by_priority(dict.fromkeys(self.tasks, 0.0)))

    def by_priority(self, priority: dict[int, float]) -> Iterator[int]:
        """Yield each task after its parents: of those that are ready the one of highest priority, ties to the lower
        index."""
        missing = {i: len(parents) for i, parents in self.parents.items()}
        ready: list[tuple[float, int]] = []
        for i, count in missing.items():
            if not count:
                heappush(ready, (-priority[i], i))
        while ready:
            _, i = heappop(ready)
            yield i
            for child, _ in self.children[i]:
                missing[child] -= 1
                if not missing[child]:
                    heappush(ready, (-priority[child], child))

    def upward_ranks(self) -> dict[int, float]:
        """Return rank_u of each task (eq. 5): its mean seconds and the longest way from there to an exit."""
        rank: dict[int, float] = {}
        for i in reversed(self.order):
            onward = max((transfer_s + rank[child] for child, transfer_s in self.children[i]), default=0.0)
            rank[i] = self.mean_s[i] + onward
        return rank

    def downward_ranks(self) -> dict[int, float]:
        """Return rank_d of each task (eq. 6): the longest way from an entry to its start."""
        rank: dict[int, float] = {}
        for i in self.order:
            ways = (rank[parent] + self.mean_s[parent] + transfer_s for parent, transfer_s in self.parents[i])
            rank[i] = max(ways, default=0.0)
        return rank


def _seconds(task: Task, state: ClusterState) -> list[float]:
    """Return the seconds on each device; equal devices are asked once."""
    row = [math.inf] * len(state.devices)
    for group in state.equals:
        if state.fits(task, group[0]):
            seconds = state.seconds(task, group[0])
            for device in group:
                row[device] = seconds
    return row


def _mean_where_finite(row: list[float]) -> float:
    finite = [seconds for seconds in row if seconds < math.inf]
    return sum(finite) / len(finite)


class Plan:
    """Which device computes what when, as far as it is planned. Parents must be planned before their children.

    With ``insertion`` a task may use a gap between two planned ones (section 4.2), otherwise only the time after the
    last one.
    """

    __slots__ = ("_ends", "_graph", "_insertion", "_now_s", "_placed", "_starts")

    def __init__(self, graph: Graph, state: ClusterState, *, insertion: bool = True) -> None:
        self._graph = graph
        self._insertion = insertion
        self._now_s = state.now
        # spans do not overlap, so both lists are sorted
        self._starts = [[0.0] for _ in state.devices]
        self._ends = [[state.available_at(d.index)] for d in state.devices]
        self._placed: dict[int, tuple[int, float]] = {}  # task: device, planned finish

    def options(self, task: int) -> Iterator[Option]:
        """Yield the earliest start and finish of the task on each device where it fits (eq. 6 and 7)."""
        sent = [(*self._placed[parent], transfer_s) for parent, transfer_s in self._graph.parents[task]]
        hosts = {device for device, _, _ in sent}
        elsewhere_s = max((finish_s + transfer_s for _, finish_s, transfer_s in sent), default=0.0)
        for device, seconds in enumerate(self._graph.seconds[task]):
            if seconds == math.inf:
                continue
            data_s = elsewhere_s
            if device in hosts:
                data_s = max(finish_s if host == device else finish_s + t for host, finish_s, t in sent)
            start_s = self._first_gap(device, max(self._now_s, data_s), seconds)
            yield start_s + seconds, device, start_s

    def option(self, task: int, device: int) -> Option | None:
        """Return the earliest start and finish on one device; None where the task does not fit."""
        return next((option for option in self.options(task) if option[1] == device), None)

    def put(self, task: int, option: Option) -> None:
        """Decide where and when the task runs."""
        finish_s, device, start_s = option
        at = bisect_right(self._starts[device], start_s)
        self._starts[device].insert(at, start_s)
        self._ends[device].insert(at, finish_s)
        self._placed[task] = (device, finish_s)

    def _first_gap(self, device: int, ready_s: float, seconds: float) -> float:
        starts, ends = self._starts[device], self._ends[device]
        if not self._insertion:
            return max(ready_s, ends[-1])
        start_s = ready_s
        for i in range(bisect_right(ends, ready_s), len(ends)):
            if start_s + seconds <= starts[i]:
                break
            start_s = max(start_s, ends[i])
        return start_s
