"""First come, first served."""

from __future__ import annotations

from engine.pending import Pending
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

    def head(self, pending: Pending, state: ClusterState) -> Task:
        """See :meth:`HeadFirst.head`."""
        return pending.first
