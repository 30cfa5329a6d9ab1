"""What rounding alone makes of simulated seconds."""

from __future__ import annotations

import numpy as np

from engine.workload import FloatArray

SAME = 1e-12
"""Instants that differ by less than this share of them are the same one, reached by sums of another order."""


def beyond_rounding(difference_s: FloatArray | float, at_s: FloatArray | float) -> FloatArray:
    """Return a difference between simulated seconds around ``at_s``, 0 where rounding alone may have made it."""
    return np.where(np.abs(difference_s) <= SAME * np.abs(at_s), 0.0, difference_s)
