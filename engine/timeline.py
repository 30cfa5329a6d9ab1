"""Simulated time in buckets: what charts draw. A bucket's width doubles when the race outgrows the last one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.columns import column
from engine.records import MetricSeries
from engine.simulation import Simulation
from engine.workload import FloatArray, IntArray

BUCKETS = 512


class Buckets:
    """Rows x :data:`BUCKETS` sums over simulated time from ``origin_s``; ``width_s`` doubles as time goes on."""

    def __init__(self, rows: int, origin_s: float, width_s: float) -> None:
        self.origin_s = origin_s
        self.width_s = width_s
        self.sums = np.zeros((rows, BUCKETS))

    @property
    def edges_s(self) -> FloatArray:
        """The :data:`BUCKETS` + 1 edges in simulated seconds."""
        edges: FloatArray = self.origin_s + self.width_s * np.arange(BUCKETS + 1, dtype=np.float64)
        return edges

    def reach(self, at_s: float) -> None:
        """Widen the buckets until ``at_s`` lies inside."""
        while at_s >= self.origin_s + self.width_s * BUCKETS:
            pairs = self.sums.reshape(len(self.sums), BUCKETS // 2, 2).sum(axis=2)
            self.sums = np.hstack([pairs, np.zeros_like(pairs)])
            self.width_s *= 2

    def add_points(self, row: int, at_s: FloatArray, value: FloatArray | float) -> None:
        """Add values to the buckets of their instants."""
        self.reach(float(at_s.max()))
        index = ((at_s - self.origin_s) / self.width_s).astype(np.int64)
        np.add.at(self.sums[row], index, value)

    def add_spans(self, row: IntArray, from_s: FloatArray, to_s: FloatArray, weight: FloatArray) -> None:
        """Add weight x seconds of each span, spread over the buckets that it covers."""
        if len(row):
            self.reach(float(to_s.max()))
            self.sums += self.spread(row, from_s, to_s, weight)

    def spread(self, row: IntArray, from_s: FloatArray, to_s: FloatArray, weight: FloatArray) -> FloatArray:
        """Return what :meth:`add_spans` would add (rows x buckets); spans must lie inside the buckets.

        With C(x) the sum of weight x (max(x - from, 0) - max(x - to, 0)), a bucket gets C(right edge) - C(left edge);
        each span adds an offset and a slope at the first edge after each of its ends.
        """
        offset = np.zeros((len(self.sums), BUCKETS + 2))
        slope = np.zeros_like(offset)
        for end_s, sign in ((from_s, weight), (to_s, -weight)):
            x = (end_s - self.origin_s) / self.width_s
            edge = np.floor(x).astype(np.int64) + 1
            np.add.at(offset, (row, edge), sign * (edge - x))
            np.add.at(slope, (row, edge), sign)
        rising = np.cumsum(slope, axis=1) - slope  # slopes that began at an earlier edge
        increments = offset + rising
        result: FloatArray = increments[:, 1 : BUCKETS + 1] * self.width_s
        return result


def first_width_s(simulation: Simulation) -> float:
    """Return a bucket width with which the arrivals fill about half of the buckets."""
    arrival_s = simulation.columns.arrival_s
    return max((max(arrival_s) - min(arrival_s)) * 2 / BUCKETS, 1e-6)


class LaneTimeline:
    """Responses and busy slots of one simulation over time, fed with what is new at each call of :meth:`update`.

    ``response`` has the rows (count, sum of response seconds) by finishing time; ``busy`` the busy slot-seconds of CPU
    and GPU devices by time.
    """

    def __init__(self, simulation: Simulation) -> None:
        origin_s, width_s = min(simulation.columns.arrival_s), first_width_s(simulation)
        devices = simulation.cluster.devices
        self.response = Buckets(2, origin_s, width_s)
        self.busy = Buckets(2, origin_s, width_s)
        self.slots = np.array([sum(d.slots for d in devices if d.kind == kind) for kind in ("cpu", "gpu")], float)
        self._kind_row = np.array([int(d.kind == "gpu") for d in devices])
        self._held_slot_s = np.zeros(len(devices))
        self._simulation = simulation
        self._last_end_s = np.full(len(simulation.columns.tasks), -np.inf)
        self._kinds = np.zeros(len(simulation.columns.tasks), dtype=np.int8)  # 1 CPU, 2 GPU, 3 both
        self._counts = np.zeros(4, dtype=np.int64)
        self._seen = self._ended = self._counted = self._busy_until = 0

    def take_finished(self) -> tuple[IntArray, FloatArray]:
        """Return the tasks that have finished since the last call, and when."""
        ledger, last_end_s = self._simulation.ledger, self._last_end_s
        part = column(ledger.ended, slice(self._ended, None)).astype(np.int64)
        self._ended += len(part)
        np.maximum.at(last_end_s, ledger.tasks_of(part), column(ledger.end_s, part))
        task = column(ledger.finished, slice(self._seen, None)).astype(np.int64)
        self._seen += len(task)
        return task, last_end_s[task]

    def add_finished(self, finish_s: FloatArray, response_s: FloatArray) -> None:
        """Add tasks that have finished."""
        self.response.add_points(0, finish_s, 1.0)
        self.response.add_points(1, finish_s, response_s)

    def update_busy(self) -> None:
        """Add the shares that have ended since the last call."""
        ledger = self._simulation.ledger
        ended = column(ledger.ended, slice(self._busy_until, None)).astype(np.int64)
        self._busy_until += len(ended)
        rows, start_s, end_s, slots = spans(self._simulation, ended)
        kind_row = self._kind_row[rows]
        self.busy.add_spans(kind_row, start_s, end_s, slots)
        self._held_slot_s += np.bincount(rows, (end_s - start_s) * slots, minlength=len(self._held_slot_s))
        np.bitwise_or.at(self._kinds, ledger.tasks_of(ended), (1 + kind_row).astype(np.int8))

    def count_kinds(self) -> tuple[int, int, int]:
        """Return how many finished tasks ran on CPUs only, on GPUs only, on both; up to :meth:`update_busy`."""
        task = column(self._simulation.ledger.finished, slice(self._counted, None)).astype(np.int64)
        self._counted += len(task)
        self._counts += np.bincount(self._kinds[task], minlength=4)
        _, cpu, gpu, both = self._counts.tolist()
        return cpu, gpu, both

    def held_slot_s(self, now_s: float) -> FloatArray:
        """Return the slot-seconds that shares have held on each device, running ones up to now."""
        rows, start_s, slots = self._running()
        running_s = np.maximum(now_s - start_s, 0.0) * slots
        return self._held_slot_s + np.bincount(rows, running_s, minlength=len(self._held_slot_s))

    def response_curve(self) -> tuple[FloatArray, FloatArray]:
        """Return (bucket middles, mean response of the tasks finished in each bucket), without empty buckets."""
        count, total = self.response.sums
        used = count > 0
        edges = self.response.edges_s
        return ((edges[:-1] + edges[1:]) / 2)[used], total[used] / count[used]

    def utilisation(self, now_s: float) -> tuple[FloatArray, FloatArray]:
        """Return (bucket middles, 2 x buckets busy share of CPU and GPU slots) up to the last whole bucket before now;
        running shares count up to now."""
        self.busy.reach(now_s)
        rows, start_s, slots = self._running()
        now = np.full(len(rows), now_s)
        sums = self.busy.sums + self.busy.spread(self._kind_row[rows], np.minimum(start_s, now), now, slots)
        edges = self.busy.edges_s
        whole = edges[1:] <= now_s
        share = sums[:, whole] / self.busy.width_s / np.maximum(self.slots, 1)[:, None]
        return ((edges[:-1] + edges[1:]) / 2)[whole], np.clip(share, 0.0, 1.0)

    def _running(self) -> tuple[IntArray, FloatArray, FloatArray]:
        running = [part for device in self._simulation.devices for part in device.running]
        rows, start_s, _, slots = spans(self._simulation, np.array(running, dtype=np.int64))
        return rows, start_s, slots


def spans(simulation: Simulation, parts: IntArray) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Return (device, start, end, slots) of shares; the end of a running one is nan."""
    ledger = simulation.ledger
    device = column(ledger.device, parts)
    start_s, end_s = column(ledger.start_s, parts), column(ledger.end_s, parts)
    return device, start_s, end_s, simulation.columns.slots_array[ledger.tasks_of(parts)]


def lane_series(label: str, simulation: Simulation) -> Iterator[MetricSeries]:
    """Yield mean response and utilisation of a simulation over time, for the metrics table."""
    ledger = simulation.ledger
    if not len(ledger.finished):
        return
    timeline = LaneTimeline(simulation)
    done = ledger.finished_tasks(label, 0, len(ledger.finished), simulation.columns, simulation.cluster)
    timeline.add_finished(done.finish_s, done.finish_s - done.arrival_s)
    timeline.update_busy()
    at_s, response_s = timeline.response_curve()
    yield MetricSeries(label, "mean_response_s", at_s, response_s)
    at_s, share = timeline.utilisation(simulation.now_s)
    yield MetricSeries(label, "utilisation_cpu", at_s, share[0])
    yield MetricSeries(label, "utilisation_gpu", at_s, share[1])
