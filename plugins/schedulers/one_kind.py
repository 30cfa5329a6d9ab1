"""Earliest finish on the devices of one kind: the common part of ``cpu_only`` and ``gpu_only``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from engine.cluster import Cluster, Kind
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.split import soonest
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.declining import nowhere_whole


class OneKind(Scheduler):
    """Places every ready task on the device of :attr:`kind` where it is believed to finish first."""

    kind: ClassVar[Kind]

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task in pending.ready():
            yield on(task, soonest(task, state, self.kind))

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where the cluster has no such device, or some task fits none of them."""
        devices = cluster.of_kind(cls.kind)
        if not devices:
            return f"{cls.name} needs a {cls.kind.upper()}, and cluster '{cluster.name}' has none."
        return nowhere_whole(cls.name, tasks, cluster, devices)
