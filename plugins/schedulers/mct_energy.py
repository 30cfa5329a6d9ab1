"""Minimum completion time that spares energy."""

from __future__ import annotations

from dataclasses import dataclass

from engine.cluster import Cluster
from engine.params import parameter
from engine.task import TaskColumns
from plugins.schedulers.weighing import WeighingMct


@dataclass(frozen=True)
class MctEnergyParams:
    """Parameters of :class:`MctEnergy`."""

    weight: float = parameter(0.01, "Weight of a joule above idle, where the race itself gives energy none", low=0.0)


class MctEnergy(WeighingMct):
    """``mct`` (Braun et al., JPDC 61, 2001) on a weighted sum of the finish and the energy above idle.

    The weights are those of the race. Where the race gives energy none, ``weight`` stands in, so that the policy spares
    energy in any race; where it does, this is ``mct``. The default lets a task end a second later for every 100 J that
    it saves.
    """

    name = "mct_energy"
    summary = "As mct, but a device or a split that draws less power may make a task end later."
    explanation = (
        "mct_energy: minimum completion time with the joules above idle in its score. The right choice where power is "
        "dear and devices differ in joules per task. Uses the race's weights; where they give energy none, its own "
        "parameter."
    )
    Params = MctEnergyParams
    weighed = "energy"

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline a cluster without watts, and where some task fits neither one device nor a CPU and a GPU together."""
        if not any(d.active_w > d.idle_w for d in cluster.devices):
            return f"mct_energy weighs energy, but cluster '{cluster.name}' states no watts above idle."
        return super().declines(tasks, cluster)
