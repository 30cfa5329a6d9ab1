"""Minimum completion time that spares money."""

from __future__ import annotations

from dataclasses import dataclass

from engine.cluster import Cluster
from engine.params import parameter
from engine.task import TaskColumns
from plugins.schedulers.weighing import WeighingMct


@dataclass(frozen=True)
class MctCostParams:
    """Parameters of :class:`MctCost`."""

    weight: float = parameter(2000.0, "Weight of a currency unit, where the race itself gives cost none", low=0.0)


class MctCost(WeighingMct):
    """``mct`` (Braun et al., JPDC 61, 2001) on a weighted sum of the finish and the price of the busy seconds.

    The weights are those of the race. Where the race gives cost none, ``weight`` stands in, so that the policy saves
    money in any race; where it does, this is ``mct``. The default lets a task end a second later for every 0.0005 of a
    currency unit that it saves.
    """

    name = "mct_cost"
    summary = "As mct, but a cheaper device or split may make a task end later."
    explanation = (
        "mct_cost: minimum completion time with the price of the busy seconds in its score. The right choice where "
        "devices are rented by the hour and differ in price per task. Uses the race's weights; where they give cost "
        "none, its own parameter."
    )
    Params = MctCostParams
    weighed = "cost"

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline a cluster without prices, and where some task fits neither one device nor a CPU+GPU pair."""
        if not any(d.price_per_hour for d in cluster.devices):
            return f"mct_cost weighs prices, but cluster '{cluster.name}' states none."
        return super().declines(tasks, cluster)
