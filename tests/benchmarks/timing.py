"""Side-by-side timing: the contestants alternate in one run, and each round's ratio counts, not absolute times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence


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


def alternated(contestants: Mapping[str, Callable[[], float]], rounds: int = 5) -> dict[str, list[float]]:
    """Let any number of contestants take turns; return the seconds of each, a round each."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            seconds[name].append(run())
    return seconds


def times(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the median of second / first over the rounds."""
    return statistics.median(b / a for a, b in zip(first, second, strict=True))


def print_table(title: str, rows: Iterable[Sequence[str]]) -> None:
    """Print rows of texts in columns, the first to the left, the others to the right."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{title}")
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([f"  {first:<{widths[0]}}", *cells]))
