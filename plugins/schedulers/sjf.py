"""Shortest job first."""

from __future__ import annotations

from plugins.schedulers.head_first import ByScore
from plugins.schedulers.rigid import Job


class Sjf(ByScore):
    """Shortest job first: the shortest expected time first, ties to who came first (Conway, Maxwell & Miller 1967).

    It minimises the mean response on one machine; of jobs of many slots the shortest may still block all others.
    """

    name = "sjf"
    summary = "Shortest job first; short waits on average, long ones for long jobs."
    explanation = (
        "sjf: of all that wait, the job with the shortest expected time (Conway, Maxwell & Miller 1967). The right "
        "choice for a low mean response when times are known; long jobs may wait without end."
    )

    def score(self, job: Job) -> float:
        """See :meth:`ByScore.score`."""
        return job.seconds
