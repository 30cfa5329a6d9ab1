"""Wall time inside a scheduler's ``place``: measured, shown, and kept away from everything that decides."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter

import numpy as np

from engine.columns import column
from engine.pending import Pending
from engine.placement import Placement
from engine.state import ClusterState

SAMPLED = 128
"""Asking the clock at each call would cost several per cent of a race: of the first so many events every call is timed,
later those of every so-many-th event, a power of 2, each of which then stands for so many."""

_END = object()


class DecisionClock:
    """Stands in for ``place`` and times it, the drawing of a generator's placements included."""

    def __init__(self, place: Callable[[Pending, ClusterState], Iterable[Placement]]) -> None:
        self._place = place
        self._first_s = array("d")
        self._later_s = array("d")
        self._timed_s = self._first_s

    def at(self, event: int) -> Callable[[Pending, ClusterState], Iterable[Placement] | None]:
        """Return what stands in for ``place`` at the simulation's event of this number, from 1."""
        self._timed_s = self._first_s if event <= SAMPLED else self._later_s
        return self._timed

    def _timed(self, pending: Pending, state: ClusterState) -> Iterable[Placement] | None:
        began = perf_counter()
        placements = self._place(pending, state)
        took_s = perf_counter() - began
        # a scheduler that returns None breaks the contract; the simulation says so
        return None if placements is None else self._drawn(iter(placements), took_s)

    def seconds(self) -> dict[str, float | None]:
        """Return mean and 99th percentile of the seconds in one call; None where no call was timed."""
        calls_s = np.concatenate([column(self._first_s), np.repeat(column(self._later_s), SAMPLED)])
        if not len(calls_s):
            return {"mean": None, "p99": None}
        return {"mean": float(calls_s.mean()), "p99": float(np.percentile(calls_s, 99))}

    def _drawn(self, placements: Iterator[Placement], took_s: float) -> Iterator[Placement]:
        while True:
            began = perf_counter()
            placement = next(placements, _END)
            took_s += perf_counter() - began
            if placement is _END:
                break
            yield placement  # type: ignore[misc]
        self._timed_s.append(took_s)
