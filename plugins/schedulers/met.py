"""Minimum execution time."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_whole


class Met(Scheduler):
    """Minimum execution time (Braun et al., JPDC 61, 2001): the device that runs the task fastest, busy or not.

    Devices that differ in nothing but their id are taken in turn: the paper leaves ties open, and always the lowest
    index would leave all but one of several equal devices idle. Other ties go to the lower index.
    """

    name = "met"
    summary = "Takes the fastest device for each task and ignores the queues (also called greedy)."
    explanation = (
        "met (also called greedy): minimum execution time, Braun et al. 2001. Good where devices are rarely busy; "
        "under load everybody queues for the same favourite."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._used: dict[int, int] = {}

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task in pending:
            number = self._fastest(task, state)
            used = self._used[number] = self._used.get(number, -1) + 1
            group = state.equals[number] if number >= 0 else (-1,)  # which the simulation refuses, with the reason
            yield on(task, group[used % len(group)])

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)

    def _fastest(self, task: Task, state: ClusterState) -> int:
        """Return which of the groups of equal devices runs the task fastest, -1: nothing is believed to run it."""
        best, best_s = -1, float("inf")
        for number, group in enumerate(state.equals):
            seconds = state.seconds(task, group[0])
            if seconds < best_s and state.fits(task, group[0]):
                best, best_s = number, seconds
        return best
