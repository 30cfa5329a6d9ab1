"""WFP3: a long wait counts more for short jobs and for wide ones."""

from __future__ import annotations

from engine.workload import FloatArray
from plugins.schedulers.by_waiting import ByWaiting


class Wfp3(ByWaiting):
    """WFP3 (Tang, Lan, Desai & Buettner, CLUSTER 2009): (wait / requested time)^3 x slots, the highest first.

    Of jobs that have not waited yet the first to have come starts.
    """

    name = "wfp3"
    summary = "Favours jobs that have waited long for their length, wide ones above all."
    explanation = (
        "wfp3: (wait / expected time)^3 x slots, Tang et al. 2009. The right choice where wide jobs must not starve "
        "and a job's wait should be in proportion to its length."
    )

    def urgency(self, waiting_s: FloatArray, seconds: FloatArray, slots: FloatArray) -> FloatArray:
        """See :meth:`ByWaiting.urgency`."""
        return (waiting_s / seconds) ** 3 * slots
