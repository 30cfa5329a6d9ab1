"""Minimum completion time."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement
from engine.scheduler import Scheduler
from engine.split import best_shares
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.declining import nowhere_split


class Mct(Scheduler):
    """Minimum completion time (Braun et al., JPDC 61, 2001), with the best CPU/GPU split of divisible tasks.

    Places every ready task at once, in arrival order, where it is believed to finish first (or, where the race weighs
    energy or cost, where the weighted sum is least): on one device, or on the best of all CPU+GPU pairs.
    """

    name = "mct"
    summary = "Earliest finish, waiting included; splits a task over CPU and GPU where that is faster."
    explanation = (
        "mct: minimum completion time, Braun et al. 2001. The first choice for independent tasks that arrive over "
        "time, and only as good as the seconds that it is told. hybrid_ml is this rule with learned seconds."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task in pending.ready():
            yield Placement(task, best_shares(task, state))

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits neither one device nor a CPU and a GPU together."""
        return nowhere_split(cls.name, tasks, cluster)
