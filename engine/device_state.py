"""One device while a simulation runs: what runs there, what waits there, and when it is believed to be free."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Sequence

from engine.cluster import Device, Kind
from engine.queue_replay import Queued, QueueReplay


class DeviceState:
    """Slots, memory, running and queued shares of one device. Holds beliefs only, never true seconds.

    ``ready`` holds the shares that may start when they fit (in a strict queue: all that wait), sorted; ``waiting``
    holds, for queues without order, those whose parents or data are not there yet. ``running`` maps a part to its
    believed end, slots and memory. ``pooled``: it has several slots; only then ``free_memory_gb`` is kept up to date,
    for on one slot nothing starts before all memory is free again.
    """

    __slots__ = (
        "_end_s", "_memory_gb", "_replay", "drifts", "free_memory_gb", "free_slots", "has_link", "index", "latency_s",
        "model", "per_gb_s", "pooled", "queued_s", "ready", "running", "spec", "speed", "strict", "waiting",
    )  # fmt: skip

    def __init__(self, spec: Device, model: int) -> None:
        self.spec = spec
        self.index = spec.index
        self.model = model
        self.speed = spec.speed
        self.free_slots = spec.slots
        self.free_memory_gb = self._memory_gb = spec.memory_gb
        self.latency_s = spec.link_latency_s if spec.link_gb_s else 0.0
        self.per_gb_s = 1.0 / spec.link_gb_s if spec.link_gb_s else 0.0
        self.has_link = spec.link_gb_s is not None
        self.drifts = bool(spec.speed_at)
        self.running: dict[int, tuple[float, int, float]] = {}
        self.ready: deque[Queued] = deque()
        self.waiting: dict[int, Queued] = {}
        self.queued_s = 0.0
        self.strict = False
        self.pooled = spec.slots > 1
        self._end_s = -math.inf  # believed end of what runs on a device of one slot
        self._replay: QueueReplay | None = None  # of a pool that was asked, until something happens otherwise

    def seconds(self, expected: Sequence[float], transfer_gb: float, fraction: float) -> float:
        """Return the seconds of a share from the task's seconds per device model.

        x fraction / speed, plus launch latency and the transfer over the device's link.
        """
        busy_s = expected[self.model] / self.speed * fraction
        # these brackets, everywhere: other sums of the three differ in their last bit, and with it ties do
        return busy_s + (self.latency_s + fraction * transfer_gb * self.per_gb_s) if self.has_link else busy_s

    @property
    def queue_length(self) -> int:
        """Shares that wait here."""
        return len(self.ready) + len(self.waiting)

    def enqueue(self, entry: Queued, may_start: bool) -> None:
        """Add a share to the queue; ``may_start`` is whether its parents are done and its data are here."""
        if may_start or self.strict:
            last = self._push(entry)
        else:
            self.waiting[entry[2]] = entry
            last = False
        self.queued_s += entry[4]
        if last and self._replay is not None:
            self._replay.append(entry)
        else:
            self._replay = None

    def wake(self, part: int) -> None:
        """The parents and data of a waiting share have come (a strict queue keeps all its shares in ``ready``)."""
        entry = self.waiting.pop(part, None)
        if entry is not None:
            self._push(entry)

    def _push(self, entry: Queued) -> bool:
        """Keep ``ready`` sorted; return whether the new entry is the last, as it nearly always is."""
        last = not self.ready or entry > self.ready[-1]
        if last:
            self.ready.append(entry)
        else:
            insort(self.ready, entry)
        return last

    def make_strict(self) -> None:
        """From now on the head of this queue blocks until it is ready and fits."""
        if not self.strict:
            self.strict = True
            for entry in self.waiting.values():
                self._push(entry)
            self.waiting.clear()

    def count_memory(self) -> None:
        """Count anew what a pool's shares hold, because taking and giving back by sums would build up rounding."""
        self.free_memory_gb = self._memory_gb - math.fsum([gb for _, _, gb in self.running.values()])

    def memory_left_gb(self) -> float:
        """Return the GB that nothing holds now."""
        if self.pooled:
            return self.free_memory_gb
        return self._memory_gb - sum(gb for _, _, gb in self.running.values())

    def available_at(self, now_s: float, slots: int) -> float:
        """Return the earliest second at which ``slots`` slots are believed free for a newly placed share.

        Running and queued shares are replayed with the seconds believed at their placement; a share that overruns
        counts as ending now, one that waits for parents as ready. inf when the device never has that many slots.
        """
        if slots == 1 and not self.pooled:
            end_s = self._end_s
            return (end_s if end_s > now_s else now_s) + self.queued_s
        if slots <= self.free_slots and not self.ready and not self.waiting:
            return now_s
        if slots > self.spec.slots:
            return math.inf
        replay = self._replay
        if replay is None or replay.overdue(now_s):
            ends = [(max(end_s, now_s), slots) for end_s, slots, _ in self.running.values()]
            line = sorted([*self.ready, *self.waiting.values()])
            replay = self._replay = QueueReplay(now_s, self.free_slots, ends, line)
        return replay.start_s(now_s, slots)

    def line_at(self, now_s: float, slots: int, order: float) -> tuple[float, int]:
        """Return when a share that is placed with ``order`` is believed to start, and how many wait behind it.

        As :meth:`available_at`, but of the queue only what goes before it counts, shares whose order is not higher; and
        a share that overruns is believed to need as long again as it is overdue: with the heavy tails that run times
        have, what has run for long runs on for long (Harchol-Balter & Downey, TOCS 15, 1997).
        """
        if slots > self.spec.slots:
            return math.inf, 0
        before = [entry for entry in (*self.ready, *self.waiting.values()) if entry[0] <= order]
        behind = self.queue_length - len(before)
        if not self.pooled:
            return self._running_until(now_s) + math.fsum([entry[4] for entry in before]), behind
        ends = [(end_s if end_s > now_s else now_s + (now_s - end_s), n) for end_s, n, _ in self.running.values()]
        return QueueReplay(now_s, self.free_slots, ends, sorted(before)).start_s(now_s, slots), behind

    def _running_until(self, now_s: float) -> float:
        """Return when a device of one slot is believed to end what it runs, as :meth:`line_at` believes."""
        end_s = self._end_s
        if end_s > now_s:
            return end_s
        return now_s + (now_s - end_s) if self.running else now_s


class EqualDevices:
    """Devices that differ in id only, and what they have in common.

    ``busy_s`` are the believed seconds of every whole task there without the launch, where they stand in a table.
    """

    __slots__ = ("busy_s", "devices", "extra_w", "first", "kind", "latency_s", "memory_gb", "price_per_s", "slots")

    def __init__(self, devices: list[DeviceState]) -> None:
        self.devices = devices
        self.first = devices[0]
        self.latency_s = self.first.latency_s
        self.busy_s: Sequence[float] | None = None
        spec = self.first.spec
        self.kind: Kind = spec.kind
        self.slots = spec.slots
        self.memory_gb = spec.memory_gb
        self.extra_w = spec.active_w - spec.idle_w
        self.price_per_s = spec.price_per_hour / 3600.0

    def first_free(self, now_s: float, slots: int) -> tuple[int, float]:
        """Return the device that is believed free first for so many slots, and when; ties go to the lower index.

        (-1, inf) when none ever is. As :meth:`DeviceState.available_at` of each, at the cost of one call.
        """
        device, first_s = -1, math.inf
        single = self.slots == slots == 1
        for candidate in self.devices:
            if single:
                end_s = candidate._end_s
                free_s = (end_s if end_s > now_s else now_s) + candidate.queued_s
            else:
                free_s = candidate.available_at(now_s, slots)
            if free_s < first_s:
                device, first_s = candidate.index, free_s
                if free_s <= now_s:
                    break  # none can be free before now: a large cluster is not asked device by device
        return device, first_s

    def available_s(self, now_s: float) -> list[float]:
        """Return when each device is believed to have a slot free, as :meth:`DeviceState.available_at` of each."""
        if self.slots == 1:
            return [(d._end_s if d._end_s > now_s else now_s) + d.queued_s for d in self.devices]
        return [
            now_s if d.free_slots and not d.ready and not d.waiting else d.available_at(now_s, 1) for d in self.devices
        ]

    def best_in_line(self, now_s: float, slots: int, order: float, seconds: float) -> tuple[int, float, int]:
        """Return where a share of so many ``seconds``, placed with ``order``, delays itself and those behind it least:
        device, the second at which it is believed to start, and how many shares would wait behind it.

        Ties go to the lower index; (-1, inf, 0) when it can start nowhere.
        """
        device, best_s, best_behind, least_s = -1, math.inf, 0, math.inf
        single = self.slots == slots == 1
        for candidate in self.devices:
            if single and not candidate.ready and not candidate.waiting:  # as line_at, at less cost
                start_s = delayed_s = candidate._running_until(now_s)
                behind = 0
            else:
                start_s, behind = candidate.line_at(now_s, slots, order)
                delayed_s = start_s + behind * seconds
            if delayed_s < least_s:
                device, best_s, best_behind, least_s = candidate.index, start_s, behind, delayed_s
                if delayed_s <= now_s:
                    break  # nor can any start before now, with nobody behind it
        return device, best_s, best_behind


def groups_of_equals(states: list[DeviceState]) -> list[EqualDevices]:
    """Return the devices grouped by all that distinguishes them but id, source and hidden drift, in index order."""
    groups: dict[tuple[object, ...], list[DeviceState]] = {}
    for state in states:
        d = state.spec
        power_and_price = (d.idle_w, d.active_w, d.price_per_hour)
        place = (d.kind, state.model, d.slots, d.speed, d.memory_gb, d.link_gb_s, d.link_latency_s)
        groups.setdefault((*place, *power_and_price), []).append(state)
    return [EqualDevices(devices) for devices in groups.values()]
