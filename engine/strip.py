"""The devices of one lane over simulated time: busy slots and waiting shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.cluster import Device
from engine.columns import column
from engine.frame import DeviceStrip
from engine.simulation import Simulation
from engine.timeline import Buckets, first_width_s, spans
from engine.workload import FloatArray, IntArray

MOST_ROWS = 128
"""Of a strip, and one more for each further kind: a screen shows no more, and each costs as much as a device."""


def rows_of(devices: Sequence[Device]) -> IntArray:
    """Return the row of each device: kind by kind, in the order in which the kinds and the devices come; of more than
    :data:`MOST_ROWS` devices neighbours of a kind share a row."""
    together = -(-len(devices) // MOST_ROWS)
    rows = np.empty(len(devices), dtype=np.int64)
    first = 0
    for kind in dict.fromkeys(device.kind for device in devices):
        mine = [device.index for device in devices if device.kind == kind]
        rows[mine] = first + np.arange(len(mine)) // together
        first = int(rows[mine[-1]]) + 1
    return rows


class StripTimeline:
    """Feeds a :class:`DeviceStrip`: what has ended is added once, what runs or waits is laid over it up to now."""

    def __init__(self, label: str, simulation: Simulation) -> None:
        self.label = label
        self._simulation = simulation
        devices = simulation.cluster.devices
        origin_s, width_s = min(simulation.columns.arrival_s), first_width_s(simulation)
        self._row_of = rows_of(devices)
        self._devices_in = np.bincount(self._row_of).astype(np.float64)[:, None]
        self._slots = np.array([d.slots for d in devices], dtype=np.float64)
        self._slots_in = np.bincount(self._row_of, self._slots)[:, None]
        self._busy = Buckets(len(self._slots_in), origin_s, width_s)
        self._queued = Buckets(len(self._slots_in), origin_s, width_s)
        self._ended = 0

    def at(self, now_s: float) -> DeviceStrip:
        """Return the strip up to a simulated second."""
        ended = column(self._simulation.ledger.ended, slice(self._ended, None)).astype(np.int64)
        self._ended += len(ended)
        row, start_s, end_s, slots = self._spans(ended)
        self._busy.add_spans(row, start_s, end_s, slots)
        self._queued.add_spans(row, self._placed_s(ended), start_s, np.ones(len(ended)))
        for buckets in (self._busy, self._queued):
            buckets.reach(now_s)
        last = int(np.searchsorted(self._busy.edges_s, now_s))
        width_s = self._busy.width_s
        busy = (self._busy.sums + self._running(now_s)) / width_s / self._slots_in
        queued = (self._queued.sums + self._waiting(now_s)) / width_s / self._devices_in
        devices = self._simulation.devices
        return DeviceStrip(
            scheduler=self.label,
            row_of=self._row_of,
            edges_s=self._busy.edges_s[: last + 1],
            busy=np.clip(busy[:, :last], 0.0, 1.0),
            queued=np.maximum(queued[:, :last], 0.0),  # sums of spans may miss 0 by a rounding
            busy_now=self._slots - np.array([d.free_slots for d in devices]),
            queued_now=np.array([d.queue_length for d in devices], dtype=np.float64),
        )

    def _spans(self, parts: IntArray) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
        """Return (row, start, end, slots) of shares."""
        device, start_s, end_s, slots = spans(self._simulation, parts)
        return self._row_of[device], start_s, end_s, slots

    def _placed_s(self, parts: IntArray) -> FloatArray:
        ledger = self._simulation.ledger
        return column(ledger.placed_s, ledger.tasks_of(parts))

    def _running(self, now_s: float) -> FloatArray:
        parts = np.array([part for d in self._simulation.devices for part in d.running], dtype=np.int64)
        row, start_s, _, slots = self._spans(parts)
        return self._busy.spread(row, np.minimum(start_s, now_s), np.full(len(parts), now_s), slots)

    def _waiting(self, now_s: float) -> FloatArray:
        devices = self._simulation.devices
        waiting = [entry[2] for d in devices for entry in (*d.ready, *d.waiting.values())]
        running = [part for d in devices for part in d.running]
        parts = np.array([*waiting, *running], dtype=np.int64)
        row, start_s, _, _ = self._spans(parts)
        until_s = np.where(np.isnan(start_s), now_s, np.minimum(start_s, now_s))
        return self._queued.spread(row, np.minimum(self._placed_s(parts), until_s), until_s, np.ones(len(parts)))
