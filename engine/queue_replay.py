"""What a pool's running and queued shares are believed to do one after the other, and when a newcomer would start."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable

Queued = tuple[float, int, int, int, float, int, float, float]
"""A share that waits: (rank, number, part, task, believed seconds, slots, memory in GB, fraction). Sorts by rank, then
by number, which counts placements. A plain tuple, because one is made for every share that waits."""

Slots = tuple[float, int]
"""A second, and how many slots are believed free from then on."""


class QueueReplay:
    """A queue played to its end from second ``now_s`` on, when ``free_slots`` are free and what runs has these ends.

    Each share starts when its slots are free and those before it have started, and takes the seconds believed at its
    placement; one that waits for parents or memory counts as ready.

    It holds while every start and every end comes at the second at which it was played, and newcomers join at the end:
    a replay of what is left would add the same numbers, and say the same to the bit. What should have ended and runs on
    counts as ending now; that changes nothing until a share of the queue should have started, too: :meth:`overdue`.
    """

    __slots__ = ("_free", "_last_start_s", "_starts")

    def __init__(self, now_s: float, free_slots: int, ends: Iterable[Slots], queue: Iterable[Queued]) -> None:
        self._free = sorted([(now_s, free_slots), *ends])
        self._last_start_s = now_s
        self._starts: deque[tuple[int, float]] = deque()  # part and second of what has not started yet
        self._play(queue)

    def append(self, entry: Queued) -> None:
        """A share joins at the end of the queue."""
        self._play((entry,))

    def starts_as_played(self, part: int, now_s: float) -> bool:
        """A share starts: return whether it is the next of the queue, and this is its second."""
        return bool(self._starts) and self._starts.popleft() == (part, now_s)

    def overdue(self, now_s: float) -> bool:
        """Return whether a share that still waits should have started before now."""
        return bool(self._starts) and self._starts[0][1] < now_s

    def start_s(self, now_s: float, slots: int) -> float:
        """Return when a share of so many slots would start at the end of the queue."""
        return max(now_s, self._last_start_s, _free_from(self._free, slots)[0])

    def _play(self, queue: Iterable[Queued]) -> None:
        free, starts, last_start_s = self._free, self._starts, self._last_start_s
        for _, _, part, _, seconds, slots, _, _ in queue:
            free_s, last, left = _free_from(free, slots)
            if free_s > last_start_s:
                last_start_s = free_s
            free[: last + 1] = [(free_s, left)] if left else []
            insort(free, (last_start_s + seconds, slots))
            starts.append((part, last_start_s))
        self._last_start_s = last_start_s


def _free_from(free: list[Slots], slots: int) -> tuple[float, int, int]:
    """Return when so many slots are free, which entry is the last that has them, and how many of its own are left."""
    for position, (free_s, count) in enumerate(free):
        if count >= slots:
            return free_s, position, count - slots
        slots -= count
    raise AssertionError("a device has no more slots than it has")
