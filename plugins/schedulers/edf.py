"""Earliest deadline first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from heapq import heappop, heappush

from engine.cluster import Cluster
from engine.completion import Completion
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_whole
from plugins.schedulers.handing_out import NewlyReady, has_room


class Edf(Scheduler):
    """Earliest deadline first (Liu & Layland, JACM 20, 1973; for a queue Jackson 1955), without preemption.

    Whenever a device has room, the ready task with the earliest deadline starts there; of several such devices on the
    one that ends it first. Ties go to who was ready first; tasks without a deadline come last. A task that fits a
    device which has some room, but not enough, keeps that room from those behind it. On one machine, with all tasks
    there at the start, no order has a smaller largest lateness (Jackson's rule).
    """

    name = "edf"
    summary = "Starts the waiting task with the earliest deadline whenever a device has room."
    explanation = (
        "edf: Liu & Layland 1973, Jackson 1955. The right choice where deadlines count and can mostly be met; once too "
        "much is late, all becomes a little late. It takes any free device, however slow."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._newly_ready = NewlyReady()
        self._queue: list[tuple[float, int, Task]] = []  # deadline, number, task
        self._count = 0

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`. Costs O(log of the backlog) where all devices serve all."""
        for task, _ in self._newly_ready.take(pending, state):
            self._count += 1
            heappush(self._queue, (task.deadline_s, self._count, task))
        with_room = {d.index for d in state if state.free_slots(d.index) > state.queue_length(d.index)}
        waiting = []
        while with_room and self._queue:
            entry = heappop(self._queue)
            task = entry[2]
            device = _ends_first(task, with_room, state)
            if device < 0:
                waiting.append(entry)
                with_room -= {d for d in with_room if state.fits(task, d)}
                continue
            yield on(task, device)
            if state.free_slots(device) <= state.queue_length(device):
                with_room.discard(device)
        for entry in waiting:
            heappush(self._queue, entry)

    def observe(self, completion: Completion) -> None:
        """See :meth:`engine.scheduler.Scheduler.observe`."""
        self._newly_ready.observe(completion)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline a workload without any deadline, and where some task fits no single device."""
        if all(map(math.isinf, tasks.deadline_s)):
            return "edf orders tasks by their deadlines, and no task of this workload has one."
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)


def _ends_first(task: Task, devices: Iterable[int], state: ClusterState) -> int:
    """Return the device with room now that ends the task first, ties to the lower index; -1 when none has room."""
    best, best_s = -1, math.inf
    for device in sorted(devices):
        if has_room(task, device, state):
            finish_s = max(state.now, state.data_ready(task, device)) + state.seconds(task, device)
            if finish_s < best_s:
                best, best_s = device, finish_s
    return best
