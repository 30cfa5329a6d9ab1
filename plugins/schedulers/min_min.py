"""Min-min: of all that wait, the task that can finish first goes first."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.declining import nowhere_whole


class MinMin(Scheduler):
    """Min-min (Ibarra & Kim, JACM 24, 1977; Braun et al., JPDC 61, 2001) over the ready tasks, in batch mode.

    Among all pairs of ready task and device the one that finishes first is placed, then the next, until all are placed.
    Ties go to the earlier task, then to the lower device. Whole tasks only.
    """

    name = "min_min"
    summary = "Places first the waiting task that can finish first; strong when many tasks wait at once."
    explanation = (
        "min_min: Ibarra & Kim 1977, Braun et al. 2001. The right choice for a batch that is all there at the start; "
        "with one arrival at a time it is mct without splitting."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`. Costs tasks x devices a placement."""
        tasks = list(pending.ready())
        devices = [d.index for d in state.devices]
        seconds = np.array(
            [[state.seconds(t, d) if state.fits(t, d) else np.inf for d in devices] for t in tasks]
        ).reshape(len(tasks), len(devices))
        slots = {task.slots for task in tasks}
        available = {s: np.array([state.available_at(d, s) for d in devices]) for s in slots}
        free = np.array([available[task.slots] for task in tasks]).reshape(seconds.shape)
        for _ in tasks:
            finish = free + seconds
            row, device = np.unravel_index(int(np.argmin(finish)), finish.shape)
            yield on(tasks[row], int(device))
            seconds[row] = np.inf
            for s in slots:
                same = [i for i, task in enumerate(tasks) if task.slots == s]
                free[same, device] = state.available_at(int(device), s)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)
