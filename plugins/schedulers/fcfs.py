"""First come, first served."""

from __future__ import annotations

from collections.abc import Iterable

from engine.pending import Pending
from engine.placement import Placement
from engine.state import ClusterState
from engine.task import Task
from plugins.schedulers.head_first import HeadFirst


class Fcfs(HeadFirst):
    """First come, first served: jobs start in the order of their arrival, and the first that does not fit holds up all.

    The space sharing of rigid jobs that every backfilling rule starts from (Feitelson & Rudolph, JSSPP 1995). Times are
    never looked at, except to choose among devices of different speed.
    """

    name = "fcfs"
    summary = "First come, first served: a job without room holds up all behind it."
    explanation = (
        "fcfs: jobs start strictly in arrival order. The right choice where fairness is all, or jobs are all of one "
        "size; wide jobs leave holes that easy fills."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._arrivals = 0
        self._blocked = False

    def head(self, pending: Pending, state: ClusterState) -> Task:
        """See :meth:`HeadFirst.head`."""
        return pending.first

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`HeadFirst.place`. An arrival frees nothing: a head without room still has none."""
        arrived, self._arrivals = state.arrivals != self._arrivals, state.arrivals
        if arrived and self._blocked:
            return ()
        placements = super().place(pending, state)
        self._blocked = placements == ()  # a backfilling rule returns an iterator: newcomers may pass
        return placements
