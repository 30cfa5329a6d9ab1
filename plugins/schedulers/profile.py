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

    def first_fit(self, from_s: float, seconds: float, slots: int, until_s: float = math.inf) -> float:
        """Return the first second, not before ``from_s``, from which so many slots stay free for so long.

        What is taken from ``until_s`` on does not count, nor does a later answer: so who holds slots from then on asks
        whether they could have them sooner, and need not give them back first.
        """
        first, last = bisect_right(self._times, from_s) - 1, bisect_left(self._times, until_s)
        steps = zip(self._times[first:last], self._free[first:last], strict=True)
        for second, free in steps:
            if free >= slots:
                start_s = second if second > from_s else from_s
                end_s = start_s + seconds
                for second, free in steps:
                    if second >= end_s:
                        return start_s
                    if free < slots:
                        break
                else:
                    return start_s
        return until_s

    def most_free(self, start_s: float, end_s: float) -> int:
        """Return the most slots that are free at any time from one second to another, 0 where no time passes."""
        first, last = bisect_right(self._times, start_s) - 1, bisect_left(self._times, end_s)
        return max(self._free[first:last], default=0)

    def take(self, start_s: float, end_s: float, slots: int) -> None:
        """Reserve slots from one second to another."""
        self.give_back(start_s, end_s, -slots)

    def give_back(self, start_s: float, end_s: float, slots: int) -> None:
        """Undo :meth:`take`."""
        first = self._step_at(start_s)
        last = self._step_at(end_s) if end_s < math.inf else len(self._times)
        for i in range(first, last):
            self._free[i] += slots
        for i in (last, first):  # no step without a change: a long plan is walked again and again
            if 0 < i < len(self._free) and self._free[i] == self._free[i - 1]:
                del self._times[i], self._free[i]

    def _step_at(self, second: float) -> int:
        """Return the index of the step that begins at this second, made where there is none."""
        position = bisect_left(self._times, second)
        if position == len(self._times) or self._times[position] != second:
            self._times.insert(position, second)
            self._free.insert(position, self._free[position - 1])
        return position
