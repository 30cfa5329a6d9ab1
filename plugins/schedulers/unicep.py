"""UNICEP: a quick turn-around for small and short jobs."""

from __future__ import annotations

import numpy as np

from engine.workload import FloatArray
from plugins.schedulers.by_waiting import ByWaiting

_TINY = 1e-15  # keeps jobs of one slot finite, and in their order; as in the code behind RLScheduler's table


class Unicep(ByWaiting):
    """UNICEP (Tang et al., CLUSTER 2009, as UNICEF): wait / (log2(slots) x requested time), the highest first."""

    name = "unicep"
    summary = "Favours jobs that have waited long for their length, narrow ones above all."
    explanation = (
        "unicep: wait / (log2(slots) x expected time), Tang et al. 2009. The right choice for a quick turn-around of "
        "small jobs; wide jobs wait for a quiet hour."
    )

    def urgency(self, waiting_s: FloatArray, seconds: FloatArray, slots: FloatArray) -> FloatArray:
        """See :meth:`ByWaiting.urgency`."""
        urgency: FloatArray = (waiting_s + _TINY) / (np.log2(slots + _TINY) * seconds)
        return urgency
