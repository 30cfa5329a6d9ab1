"""HeteroPrio: tasks by how much a GPU accelerates them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from engine.cluster import Cluster, Device, Kind
from engine.completion import Completion
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_whole
from plugins.schedulers.handing_out import NewlyReady, has_room

Entry = tuple[float, int, Task]


class HeteroPrio(Scheduler):
    """HeteroPrio (Agullo, Beaumont, Eyraud-Dubois & Kumar, IPDPS 2016; Beaumont, Eyraud-Dubois & Kumar, IPDPS 2017).

    Ready tasks are ordered by acceleration, seconds on a CPU over seconds on a GPU (the fastest of each kind). A free
    GPU takes the most accelerated one, a free CPU the least; ties go to the task that became ready first. The papers'
    spoliation, by which an idle GPU aborts and restarts what a CPU computes, is left out: placements are final. In its
    place stands the test of StarPU's 'heteroprio': the slower kind takes a task only when there are at least as many
    ready tasks for each worker of the faster kind as the slower one is times slower. StarPU counts those of the task's
    own bucket; here are no buckets, and all count. Whole tasks.
    """

    name = "heteroprio"
    summary = "GPUs take the tasks that they accelerate most, CPUs those that lose least; for task graphs."
    explanation = (
        "heteroprio: Agullo et al. 2016, Beaumont et al. 2017, without spoliation. The right choice for wide task "
        "graphs of few kinds of tasks on CPUs and GPUs, such as cholesky. Needs only the ratio of times, which "
        "heteroprio+forest learns within a race."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._newly_ready = NewlyReady()
        # one order for each kind; an entry whose task is no longer pending is stale
        self._queues: dict[Kind, list[Entry]] = {"cpu": [], "gpu": []}
        self._numbers = 0
        self._kept = 0

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task, _ in self._newly_ready.take(pending, state):
            acceleration = _acceleration(task, state)
            heappush(self._queues["cpu"], (acceleration, self._numbers, task))
            heappush(self._queues["gpu"], (-acceleration, self._numbers, task))
            self._numbers += 1
            self._kept += 1
        for device in (*state.by_kind["gpu"], *state.by_kind["cpu"]):
            yield from self._serve(device, pending, state)

    def observe(self, completion: Completion) -> None:
        """See :meth:`engine.scheduler.Scheduler.observe`."""
        self._newly_ready.observe(completion)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where the cluster lacks one of the kinds, or some task fits no single device."""
        if not cluster.of_kind("cpu") or not cluster.of_kind("gpu"):
            return f"heteroprio chooses between CPUs and GPUs, and cluster '{cluster.name}' has one kind only."
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)

    def _serve(self, device: Device, pending: Pending, state: ClusterState) -> Iterator[Placement]:
        """Give the device tasks while it has room for the first that it can ever run."""
        queue = self._queues[device.kind]
        skipped: list[Entry] = []
        while queue and state.free_slots(device.index) > state.queue_length(device.index):
            entry = queue[0]
            task = entry[2]
            if task not in pending:
                heappop(queue)
            elif not state.fits(task, device.index):
                skipped.append(heappop(queue))
            elif has_room(task, device.index, state) and self._worth_it(abs(entry[0]), device.kind, state):
                heappop(queue)
                self._kept -= 1
                yield on(task, device.index)
            else:
                break
        for entry in skipped:
            heappush(queue, entry)

    def _worth_it(self, acceleration: float, kind: Kind, state: ClusterState) -> bool:
        """Return whether the other kind, where it is the faster, would take longer for all that is ready."""
        times_slower = acceleration if kind == "cpu" else 1.0 / acceleration if acceleration else math.inf
        other = state.by_kind["gpu" if kind == "cpu" else "cpu"]
        return times_slower <= 1.0 or self._kept / sum(d.slots for d in other) >= times_slower


def _acceleration(task: Task, state: ClusterState) -> float:
    """Return the fastest CPU's seconds over the fastest GPU's; 0 where no GPU can run the task, inf where no CPU."""
    seconds: dict[Kind, float] = {"cpu": math.inf, "gpu": math.inf}
    for first, *_ in state.equals:
        if state.fits(task, first):
            kind = state.devices[first].kind
            seconds[kind] = min(seconds[kind], state.seconds(task, first))
    return 0.0 if seconds["gpu"] == math.inf else seconds["cpu"] / seconds["gpu"]
