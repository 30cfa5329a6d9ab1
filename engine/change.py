"""Whether what was learned has ceased to hold, since when, and whether one factor mends it."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from engine.workload import FloatArray, IntArray

FEWEST = 8
"""Errors below which nothing is said."""
USUAL = 100
"""The latest errors with which new ones are compared."""
CERTAIN, SUSPECT = 4.0, 2.0
"""Standard deviations that a statistic must be away from what chance gives, to act and to wait for more."""
DRIFTED = 0.1
"""Least median error of a logarithm (about 10 % of the seconds) that may be a device grown slower or faster."""


class Change(NamedTuple):
    """What was learned from completions up to number ``until`` holds no more.

    ``drift``: the logarithm of the factor by which all seconds have become longer, where that is all that has changed;
    None: some have become longer, others shorter, so that the older samples mislead.
    """

    until: int
    drift: float | None


class ChangeWatch:
    """Sees every error of what was learned of one device model, in order: logarithm of believed - of true seconds."""

    def __init__(self) -> None:
        self._usual: deque[float] = deque(maxlen=USUAL)  # their sizes
        self._open: list[tuple[int, float]] = []  # completion, error: nothing is certain about them yet

    @property
    def knows(self) -> bool:
        """Whether it knows how large errors usually are."""
        return len(self._usual) >= FEWEST

    def see(self, completions: IntArray, errors: FloatArray) -> Change | None:
        """Take the errors at these completions, and return a change as soon as it is certain."""
        self._open += zip(completions.tolist(), errors.tolist(), strict=True)
        if len(self._open) < FEWEST:
            return None
        completions, errors = (np.array(column) for column in zip(*self._open, strict=True))
        if not self.knows:
            self.settle(errors)
            return None
        usual = np.array(self._usual)
        larger = _larger(usual, np.abs(errors))
        since = _turning_point(usual, np.abs(errors)) if larger > CERTAIN else 0
        if len(errors) - since < FEWEST or (SUSPECT < larger <= CERTAIN and len(errors) < USUAL):
            return None
        later = errors[since:]
        middle = float(np.median(later))
        shifted = _certain(middle, later, usual)
        if not shifted and larger <= CERTAIN:
            self.settle(errors)
            return None
        self._open.clear()
        until = int(completions[since - 1] if since else completions[0] - 1)
        if shifted and _larger(usual, np.abs(later - middle)) <= SUSPECT:
            return Change(until, -middle)
        self._usual.clear()
        return Change(until, None)

    def settle(self, errors: FloatArray) -> None:
        """Take errors for usual ones."""
        self._usual.extend(np.abs(errors).tolist())
        self._open.clear()


def _larger(usual: FloatArray, sizes: FloatArray) -> float:
    """Return how much larger sizes are than the usual ones, in standard deviations of chance: by ranks, so that an
    outlier counts no more than another (Mann & Whitney, Annals of Mathematical Statistics 18, 1947)."""
    n, m = len(usual), len(sizes)
    pairs_won = float(np.searchsorted(np.sort(usual), sizes).sum())
    return (pairs_won - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def _turning_point(usual: FloatArray, sizes: FloatArray) -> int:
    """Return which error is the first that is not as usual: after the lowest point of the sum of what they have above
    half-way (Page, Biometrika 41, 1954), of its signs, for the sake of outliers."""
    half_way = (np.median(usual) + np.quantile(sizes, 0.75)) / 2
    sums = np.concatenate([[0.0], np.cumsum(np.sign(sizes - half_way))])
    return int(np.argmin(sums[:-1]))


def _certain(middle: float, errors: FloatArray, usual: FloatArray) -> bool:
    """Return whether the median of errors is away from 0 by more than chance."""
    spread = max(float(np.median(np.abs(errors - middle))), float(np.median(usual)))
    # the sigma of a normal distribution is 1.4826 MAD, and the standard error of a median sqrt(pi / 2) sigma / sqrt(n)
    standard_error = 1.4826 * spread * math.sqrt(math.pi / 2 / len(errors))
    return abs(middle) > max(DRIFTED, CERTAIN * standard_error)
