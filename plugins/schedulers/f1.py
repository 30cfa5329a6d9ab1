"""F1: a score that was found by regression on simulated schedules."""

from __future__ import annotations

import math

from engine.cluster import Cluster
from engine.task import TaskColumns
from plugins.schedulers.head_first import ByScore
from plugins.schedulers.rigid import Job, declines_divisible

_FIRST_S = 0.1  # an arrival at 0 counts as this, as in the code behind RLScheduler's table


class F1(ByScore):
    """F1 of Carastan-Santos & de Camargo (SC 2017, table 3): log10(run) x slots + 870 x log10(arrival), lowest first.

    The formula reads absolute arrivals: on a later part of the same trace the first term weighs more. Ties go to who
    came first.
    """

    name = "f1"
    summary = "A learned formula: small, short and early jobs first, nearly in arrival order."
    explanation = (
        "f1: log10(run) x slots + 870 log10(arrival), found by regression for a low mean slowdown (Carastan-Santos & "
        "de Camargo 2017). The right choice for rigid jobs on a busy parallel machine when run times are known."
    )

    def score(self, job: Job) -> float:
        """See :meth:`ByScore.score`."""
        return math.log10(job.seconds) * job.slots + 870.0 * math.log10(job.task.arrival_s or _FIRST_S)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline divisible tasks and task graphs, and where some task fits no single device."""
        return declines_divisible(cls.name, tasks, cluster)
