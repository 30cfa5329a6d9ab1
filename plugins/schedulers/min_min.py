"""Min-min: of all that wait, the task that can finish first goes first."""

from __future__ import annotations

from engine.workload import FloatArray
from plugins.schedulers.batch_mode import BatchMode


class MinMin(BatchMode):
    """Min-min (Ibarra & Kim, JACM 24, 1977; Braun et al., JPDC 61, 2001) over the ready tasks, in batch mode.

    Among all pairs of ready task and device the one that finishes first is placed, then the next, until all are placed.
    Ties go to the earlier task, then to the lower device. Whole tasks only.
    """

    name = "min_min"
    summary = "Places first the waiting task that can finish first; strong when many tasks wait at once."
    explanation = (
        "min_min: Ibarra & Kim 1977, Braun et al. 2001. The right choice for a batch that is all there at the start; "
        "with one arrival at a time it is mct without splitting."
    )

    def urgency(self, best_s: FloatArray, second_s: FloatArray) -> FloatArray:
        """The earlier it can finish, the more urgent."""
        return -best_s
