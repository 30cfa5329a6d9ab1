"""Devices in turn."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.declining import nowhere_whole


class RoundRobin(Scheduler):
    """Deals the tasks out in arrival order, one device after the other, skipping those on which a task cannot run."""

    name = "round_robin"
    summary = "Deals tasks out to the devices in turn; a control that knows nothing."
    explanation = (
        "round_robin: the next task goes to the next device that can run it, whatever waits there and however slow it "
        "is. Whoever loses to it has learned nothing."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._next = 0

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        count = len(state.devices)
        for task in pending:
            while not state.fits(task, self._next):
                self._next = (self._next + 1) % count
            yield on(task, self._next)
            self._next = (self._next + 1) % count

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)
