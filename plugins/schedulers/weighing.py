"""``mct`` that gives a weight to what the race leaves out: the common part of ``mct_energy`` and ``mct_cost``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from engine.pending import Pending
from engine.placement import Placement
from engine.split import best_shares
from engine.state import ClusterState
from plugins.schedulers.mct import Mct


class WeighingMct(Mct):
    """Uses the race's weights; where they give :attr:`weighed` none, the parameter ``weight`` stands in."""

    weighed: ClassVar[str]

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        weights = state.weights
        if not getattr(weights, self.weighed):
            weights = replace(weights, **{self.weighed: self.params.weight})
        for task in pending.ready():
            yield Placement(task, best_shares(task, state, weights))
