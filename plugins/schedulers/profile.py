"""How many slots of a device are believed free from now on: what reservations are made in."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable


class Profile:
    """Free slots as a step function of the second, from ``now_s`` to the end of time.

    ``free`` slots are idle now; ``ends`` holds (second, slots) of what runs, each giving its slots back then, but not
    before now.
    """

    def __init__(self, now_s: float, free: int, ends: Iterable[tuple[float, int]]) -> None:
        self._times = [now_s]
        self._free = [free]  # from times[i] to times[i + 1]
        for end_s, slots in ends:
            self.give_back(max(end_s, now_s), math.inf, slots)

    def forget(self, before_s: float) -> None:
        """Drop the past."""
        past = bisect_right(self._times, before_s) - 1
        if past > 0:
            del self._times[:past]
            del self._free[:past]

    def first_fit(self, from_s: float, seconds: float, slots: int) -> float:
        """Return the first second, not before ``from_s``, from which so many slots stay free for so long."""
        times, free = self._times, self._free
        position = bisect_right(times, from_s) - 1
        start_s = from_s
        for i in range(position, len(times)):
            if times[i] >= start_s + seconds:
                break
            if free[i] < slots:
                start_s = times[i + 1] if i + 1 < len(times) else math.inf
        return start_s

    def take(self, start_s: float, end_s: float, slots: int) -> None:
        """Reserve slots from one second to another."""
        self.give_back(start_s, end_s, -slots)

    def give_back(self, start_s: float, end_s: float, slots: int) -> None:
        """Undo :meth:`take`."""
        first = self._step_at(start_s)
        last = self._step_at(end_s) if end_s < math.inf else len(self._times)
        for i in range(first, last):
            self._free[i] += slots

    def _step_at(self, second: float) -> int:
        """Return the index of the step that begins at this second, made where there is none."""
        position = bisect_left(self._times, second)
        if position == len(self._times) or self._times[position] != second:
            self._times.insert(position, second)
            self._free.insert(position, self._free[position - 1])
        return position
