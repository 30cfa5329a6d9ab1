"""Side-by-side timing: the contestants alternate in one run, and each round's ratio counts, not absolute times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds_of(run: Callable[[], object]) -> float:
    """Return the wall seconds of one call."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def median_rounds(
    first: Callable[[], float], second: Callable[[], float], rounds: int = 5
) -> tuple[float, float, float]:
    """Take turns; return the median of each contestant's seconds and the median of second / first over the rounds.

    The machines that this runs on change their clock by the second: only what ran side by side can be compared.
    """
    pairs = [(first(), second()) for _ in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio
