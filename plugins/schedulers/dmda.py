"""StarPU's deque model, data aware."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.split import sides
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.declining import nowhere_whole


class Dmda(Scheduler):
    """Deque model, data aware: StarPU's 'dmda' (Augonnet, Thibault, Namyst & Wacrenier, CCPE 23(2), 2011).

    Places every task as soon as it is ready, in the order of becoming ready, on the device where it is believed to
    finish first: after what the device has queued, after its data have come, with its own transfer. Where StarPU adds
    a transfer to the end of the queue, here it overlaps with what is computed before, as it does in the engine. Whole
    tasks; ties to the lower device.
    """

    name = "dmda"
    summary = "StarPU's default for CPU+GPU: each task, once ready, goes where it finishes first, transfers included."
    explanation = (
        "dmda: Augonnet et al. 2011 (StarPU). The right choice for task graphs whose times are known roughly or are "
        "learned: it decides at run time, so dmda+forest learns within a race. mct is the same rule where tasks may "
        "not be split."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task in pending.ready():
            fitting = (side for side in sides(task, state) if side.max_fraction >= 1.0)
            best = min(fitting, key=lambda side: (side.ready_s + side.seconds, side.device))
            yield on(task, best.device)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)
