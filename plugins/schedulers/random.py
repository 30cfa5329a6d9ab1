"""A device by lot."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.declining import nowhere_whole

_BLOCK = 1024


class Random(Scheduler):
    """Draws a device for each task, all that can run it being equally likely."""

    name = "random"
    summary = "Draws a device by lot for each task; a control."
    explanation = "random: every device that can run the task is equally likely. The same seed draws the same devices."

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._draws: list[float] = []

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        draws = self._draws  # in blocks, because one numpy draw costs as much as placing a task
        for task in pending:
            if not draws:
                draws += self.rng.random(_BLOCK).tolist()
            possible = state.fitting(task)
            yield on(task, possible[int(draws.pop() * len(possible))])

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)
