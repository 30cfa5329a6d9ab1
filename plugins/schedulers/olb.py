"""Opportunistic load balancing."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.declining import nowhere_whole


class Olb(Scheduler):
    """Opportunistic load balancing (Braun et al., JPDC 61, 2001): the device that is free first, however slow it is.

    Places every task at once, in arrival order, on the device that is believed to have room for it first, among those
    that can run it. Ties go to the lowest index.
    """

    name = "olb"
    summary = "Takes the device that is free first and never asks how fast it is; keeps all busy."
    explanation = (
        "olb: opportunistic load balancing, Braun et al. 2001. Fair to equal devices; on unequal ones it shows what "
        "not knowing the times costs."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task in pending.ready():
            free_s = ((state.available_at(d.index, task.slots), d.index) for d in state if state.fits(task, d.index))
            yield on(task, min(free_s)[1])

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)
