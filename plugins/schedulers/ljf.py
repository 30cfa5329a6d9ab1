"""Longest job first."""

from __future__ import annotations

from plugins.schedulers.head_first import ByScore
from plugins.schedulers.rigid import Job


class Ljf(ByScore):
    """Longest job first (Graham's longest processing time, SIAM J. Appl. Math. 17, 1969): ties to who came first."""

    name = "ljf"
    summary = "Longest job first; ends a given batch early, at the price of short jobs."
    explanation = (
        "ljf: of all that wait, the job with the longest expected time (Graham 1969). The right choice to finish a "
        "batch that is all there as early as possible; short jobs wait long."
    )

    def score(self, job: Job) -> float:
        """See :meth:`ByScore.score`."""
        return -job.seconds
