"""One device while a simulation runs: what runs there, what waits there, and when it is believed to be free."""

from __future__ import annotations

import math
from bisect import insort
from heapq import heappush
from typing import NamedTuple

from engine.cluster import Device


class Queued(NamedTuple):
    """A share that waits on a device; sorts by (rank, part), and parts are numbered in placing order.

    ``seconds`` is what it was believed to take when it was placed; ``slots`` and ``memory_gb`` are held while it runs.
    """

    rank: float
    part: int
    task: int
    seconds: float
    slots: int
    memory_gb: float


class DeviceState:
    """Slots, memory, running and queued shares of one device. Holds beliefs only, never true seconds.

    ``ready`` is a heap of the shares that may start when they fit (in a strict queue: of all that wait); ``waiting``
    holds, for queues without order, those whose parents or data are not there yet.
    """

    __slots__ = (
        "_beliefs_hold_until", "_free_times", "_last_start", "free_memory_gb", "free_slots", "model", "per_gb_s",
        "queued_s", "ready", "running", "spec", "strict", "waiting",
    )  # fmt: skip

    def __init__(self, spec: Device, model: int) -> None:
        self.spec = spec
        self.model = model
        self.free_slots = spec.slots
        self.free_memory_gb = spec.memory_gb
        self.per_gb_s = 1.0 / spec.link_gb_s if spec.link_gb_s else 0.0
        self.running: dict[int, tuple[float, int]] = {}  # part -> believed end, slots
        self.ready: list[Queued] = []
        self.waiting: dict[int, Queued] = {}
        self.queued_s = 0.0
        self.strict = False
        self._free_times: list[float] | None = None
        self._last_start = 0.0
        self._beliefs_hold_until = 0.0

    @property
    def queue_length(self) -> int:
        """Shares that wait here."""
        return len(self.ready) + len(self.waiting)

    def enqueue(self, entry: Queued, may_start: bool) -> None:
        """Add a share to the queue; ``may_start`` is whether its parents are done and its data are here."""
        if may_start or self.strict:
            heappush(self.ready, entry)
        else:
            self.waiting[entry.part] = entry
        self.queued_s += entry.seconds
        self._free_times = None

    def wake(self, part: int) -> None:
        """The parents and data of a waiting share have come (a strict queue keeps all its shares in one heap)."""
        entry = self.waiting.pop(part, None)
        if entry is not None:
            heappush(self.ready, entry)

    def make_strict(self) -> None:
        """From now on the head of this queue blocks until it is ready and fits."""
        if not self.strict:
            self.strict = True
            for entry in self.waiting.values():
                heappush(self.ready, entry)
            self.waiting.clear()

    def take(self, part: int, believed_end_s: float, slots: int, memory_gb: float) -> None:
        """A share starts: it holds slots and memory until :meth:`release`."""
        self.running[part] = (believed_end_s, slots)
        self.free_slots -= slots
        self.free_memory_gb -= memory_gb
        self._free_times = None

    def dequeued(self, seconds: float) -> None:
        """A share has left the queue to start."""
        # exactly zero when empty, so that rounding never builds up
        self.queued_s = self.queued_s - seconds if self.ready or self.waiting else 0.0

    def release(self, part: int, memory_gb: float) -> None:
        """A share has ended."""
        _, slots = self.running.pop(part)
        self.free_slots += slots
        self.free_memory_gb = self.free_memory_gb + memory_gb if self.running else self.spec.memory_gb
        self._free_times = None

    def available_at(self, now_s: float, slots: int) -> float:
        """Return the earliest second at which ``slots`` slots are believed free for a newly placed share.

        Running and queued shares are replayed with the seconds believed at their placement; a share that overruns
        counts as ending now, one that waits for parents as ready. inf when the device never has that many slots.
        """
        if self.spec.slots == 1 and slots == 1:
            end = now_s
            for believed, _ in self.running.values():
                end = max(end, believed)
            return end + self.queued_s
        if slots > self.spec.slots:
            return math.inf
        if self._free_times is None or now_s > self._beliefs_hold_until:
            self._replay(now_s)
        assert self._free_times is not None
        return max(now_s, self._last_start, self._free_times[slots - 1])

    def _replay(self, now_s: float) -> None:
        ends = [(max(end, now_s), slots) for end, slots in self.running.values()]
        free = [now_s] * self.free_slots
        for end, slots in ends:
            free.extend([end] * slots)
        free.sort()
        last_start = now_s
        for entry in sorted([*self.ready, *self.waiting.values()]):
            last_start = max(last_start, free[entry.slots - 1])
            del free[: entry.slots]
            for _ in range(entry.slots):
                insort(free, last_start + entry.seconds)
        self._free_times = free
        self._last_start = last_start
        self._beliefs_hold_until = min((end for end, _ in ends), default=math.inf)
