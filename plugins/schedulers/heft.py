"""HEFT with insertion."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_whole

Span = tuple[float, float]


class Heft(Scheduler):
    """Heterogeneous Earliest Finish Time with insertion (Topcuoglu, Hariri, Wu, IEEE TPDS 13(3), 2002, section 4.2).

    Ranks by eq. 5, rank(i) = w(i) + max over children (c(i, j) + rank(j)), with w the mean seconds over the devices
    and c the mean communication; places all tasks in its first call, each where it finishes first, in gaps too. The
    order of start times is the order of each device's queue.
    """

    name = "heft"
    summary = "The classic for task graphs: critical tasks first, each where it finishes first, gaps used."
    explanation = (
        "heft: Topcuoglu, Hariri & Wu 2002. Plans the whole DAG at the start from expected seconds; the right choice "
        "for task graphs whose times are known. It cannot learn within a race: all is placed in the first call."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        tasks = {task.index: task for task in pending}
        rank = _upward_ranks(tasks, state)
        spans: list[list[Span]] = [[(0.0, state.available_at(d.index))] for d in state.devices]
        placed: dict[int, tuple[int, float]] = {}  # task: device, planned finish
        for index in sorted(tasks, key=lambda i: (-rank[i], i)):
            task = tasks[index]
            device, start_s, finish_s = min(
                (
                    _earliest(task, d.index, spans[d.index], placed, state)
                    for d in state.devices
                    if state.fits(task, d.index)
                ),
                key=lambda option: (option[2], option[0]),
            )
            insort(spans[device], (start_s, finish_s))
            placed[index] = (device, finish_s)
            yield on(task, device, order=start_s)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline what the plan cannot hold: tasks that arrive later, several slots."""
        if len(set(tasks.arrival_s)) > 1:
            return "heft plans the whole graph at the start, but this workload's tasks arrive over time."
        if max(tasks.slots) > 1 or any(d.slots > 1 for d in cluster.devices):
            return "heft plans devices and tasks of one slot each."
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)


def _upward_ranks(tasks: dict[int, Task], state: ClusterState) -> dict[int, float]:
    """Return rank_u of each task (eq. 5), children before parents."""
    rank: dict[int, float] = {}
    for index in reversed(_topological(tasks)):
        task = tasks[index]
        seconds = [state.seconds(task, d.index) for d in state.devices if state.fits(task, d.index)]
        onward = max(
            (_mean_transfer_s(_gb_between(task.index, tasks[c]), state) + rank[c] for c in task.children), default=0.0
        )
        rank[index] = sum(seconds) / len(seconds) + onward
    return rank


def _topological(tasks: dict[int, Task]) -> list[int]:
    missing = {i: len(task.parents) for i, task in tasks.items()}
    order = [i for i, count in missing.items() if not count]
    for index in order:
        for child in tasks[index].children:
            missing[child] -= 1
            if not missing[child]:
                order.append(child)
    return order


def _gb_between(parent: int, child: Task) -> float:
    return child.parent_gb[child.parents.index(parent)]


def _mean_transfer_s(gb: float, state: ClusterState) -> float:
    """The paper's mean communication cost: mean start-up plus data over the mean rate between two processors."""
    link = state.cluster.link
    return link.latency_s + gb / link.gb_s


def _earliest(
    task: Task, device: int, spans: Sequence[Span], placed: dict[int, tuple[int, float]], state: ClusterState
) -> tuple[int, float, float]:
    """Return (device, start, finish) of the first gap after the parents' data are there (eq. 6-7)."""
    ready_s = state.now
    for parent, gb in zip(task.parents, task.parent_gb, strict=True):
        where, finish_s = placed[parent]
        ready_s = max(ready_s, finish_s if where == device else finish_s + _mean_transfer_s(gb, state))
    seconds = state.seconds(task, device)
    start_s = ready_s
    for begin, end in spans:
        if start_s + seconds <= begin:
            break
        start_s = max(start_s, end)
    return device, start_s, start_s + seconds
