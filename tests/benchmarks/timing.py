"""Side-by-side timing: alternate the contestants in one run, keep medians, report ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def alternate(contestants: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Run each contestant once a round, one after the other; return the median wall seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}
