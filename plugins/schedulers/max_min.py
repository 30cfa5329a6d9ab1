"""Max-min: of all that wait, the task whose earliest finish is the latest goes first."""

from __future__ import annotations

from engine.workload import FloatArray
from plugins.schedulers.batch_mode import BatchMode


class MaxMin(BatchMode):
    """Max-min (Ibarra & Kim, JACM 24, 1977; Braun et al., JPDC 61, 2001) over the ready tasks, in batch mode.

    As min-min, but the task with the latest of the earliest finishes is placed next, so that long tasks overlap with
    many short ones. Ties go to the earlier task, then to the lower device. Whole tasks only.
    """

    name = "max_min"
    summary = "Places first the waiting task that takes longest even at its best; for few long tasks among many short."
    explanation = (
        "max_min: Ibarra & Kim 1977, Braun et al. 2001. The right choice for a batch with a few long tasks among many "
        "short ones; on most others min_min ends earlier."
    )

    def urgency(self, best_s: FloatArray, second_s: FloatArray) -> FloatArray:
        """The later it finishes at its best, the more urgent."""
        return best_s
