"""Sufferage: of all that wait, the task that would lose most by not getting its best device goes first."""

from __future__ import annotations

from engine.workload import FloatArray
from plugins.schedulers.batch_mode import BatchMode


class Sufferage(BatchMode):
    """Sufferage (Maheswaran, Ali, Siegel, Hensgen & Freund, JPDC 59, 1999) over the ready tasks, in batch mode.

    The sufferage of a task is its second-earliest finish less its earliest; the task with the most is placed next, and
    all sufferages are taken anew. (So the algorithm of Casanova et al., HCW 2000; Maheswaran et al. settle up to one
    task for each device before they take them anew, which is quicker to compute and 6 % longer on Braun's u_c_hihi.)
    A task that one device alone can run goes before all others. Ties go to the earlier task, then to the lower device.
    Whole tasks only.
    """

    name = "sufferage"
    summary = "Places first the waiting task that would suffer most if it did not get its best device."
    explanation = (
        "sufferage: Maheswaran et al. 1999. The right choice for a batch in which tasks differ in the device that "
        "suits them (inconsistent times); with one arrival at a time it is mct without splitting."
    )

    def urgency(self, best_s: FloatArray, second_s: FloatArray) -> FloatArray:
        """The more it loses on its second-best device, the more urgent."""
        return second_s - best_s
