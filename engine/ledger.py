"""What has happened in one simulation, as columns: at most 64 bytes a task, whole or in two shares f and 1 - f."""

from __future__ import annotations

import hashlib
from array import array
from copy import copy
from typing import NamedTuple

import numpy as np

from engine.cluster import Cluster
from engine.columns import column
from engine.placement import Shares
from engine.records import FinishedTasks
from engine.task import TaskColumns
from engine.workload import FloatArray, IntArray


class Parts(NamedTuple):
    """Shares as columns; ``start_s``/``end_s`` are nan until it happens."""

    task: IntArray
    device: IntArray
    fraction: FloatArray
    placed_s: FloatArray
    start_s: FloatArray
    end_s: FloatArray


class Ledger:
    """Every share ("part") of every task. Written by the simulation only.

    Part i < n is the first share of task i; in a race with divisible tasks part n + i is the second of two. Of a task
    in more shares all but the first are appended behind 2 n, side by side. ``device`` is -1 before a part is placed.
    ``ended`` lists parts, ``finished`` tasks, in the order in which it happened.

    Bytes a task, on up to 127 devices: 42, or in a race with divisible tasks 58 where none is split and 63 where all
    are; 8 more for a policy whose fractions are not f and 1 - f to the bit, or that makes three shares, and 34 for each
    of those beyond the first.
    """

    __slots__ = (
        "_extra_count", "_first_extra", "_fraction", "_larger", "device", "end_s", "ended", "extra_fraction",
        "extra_task", "finished", "halves", "has_pairs", "placed_s", "start_s", "tasks",
    )  # fmt: skip

    def __init__(self, tasks: int, devices: int, *, divisible: bool) -> None:
        self.tasks = tasks
        self.halves = 2 * tasks if divisible else tasks
        self.has_pairs = False
        self.device = array(_narrowest(devices), [-1]) * self.halves
        self.start_s = array("d", [np.nan]) * self.halves
        self.end_s = array("d", [np.nan]) * self.halves
        self.placed_s = array("d", [np.nan]) * tasks
        # of the first share; of a pair the smaller one, negative where that is the second's: the larger is 1 - f, or
        # stands in a column of its own (else nan), as long as the tasks are many as soon as one needs it
        self._fraction = array("d", [1.0]) * tasks
        self._larger = array("d")
        self._first_extra = array("i")  # as long as that, too: the part, or -1
        self._extra_count = array("i")
        self.extra_task = array("i")
        self.extra_fraction = array("d")
        self.ended = array("i")
        self.finished = array("i")

    def copy(self) -> Ledger:
        """Return a ledger of its own that says the same."""
        other = copy(self)
        for name in Ledger.__slots__:
            value = getattr(self, name)
            if isinstance(value, array):
                setattr(other, name, value[:])
        return other

    def add_split(self, task: int, shares: Shares, now_s: float) -> int:
        """Note that a task was placed in several shares; return the number of its second part: the others follow it."""
        self.placed_s[task] = now_s
        if len(shares) > 2:
            return self._add_many(task, shares)
        (first, f), (other, g) = shares
        smaller, larger = (f, g) if f <= g else (g, f)
        second = self.tasks + task
        self.has_pairs = True
        self.device[task], self.device[second] = first, other
        self._fraction[task] = f if f <= g else -g
        if larger != 1.0 - smaller:
            self._larger = self._larger or array("d", [np.nan]) * self.tasks
            self._larger[task] = larger
        return second

    def _add_many(self, task: int, shares: Shares) -> int:
        self.device[task], self._fraction[task] = shares[0]
        self._first_extra = self._first_extra or array("i", [-1]) * self.tasks
        self._extra_count = self._extra_count or array("i", [0]) * self.tasks
        further = self._first_extra[task] = len(self.device)
        self._extra_count[task] = len(shares) - 1
        for device, fraction in shares[1:]:
            self.extra_task.append(task)
            self.extra_fraction.append(fraction)
            self.device.append(device)
            self.start_s.append(np.nan)
            self.end_s.append(np.nan)
        return further

    def withdraw(self, task: int) -> None:
        """Forget where a task was placed whose shares have not started."""
        for part in self.parts_of(task):
            self.device[part] = -1
        self._fraction[task] = 1.0
        if self._larger:
            self._larger[task] = np.nan
        if self._first_extra:
            self._first_extra[task], self._extra_count[task] = -1, 0

    def task_of(self, part: int) -> int:
        """Return the task of a part."""
        if part >= self.halves:
            return self.extra_task[part - self.halves]
        return part if part < self.tasks else part - self.tasks

    def tasks_of(self, parts: IntArray) -> IntArray:
        """Return the tasks of many parts."""
        task = np.where(parts < self.tasks, parts, parts - self.tasks).astype(np.int64)
        further = parts >= self.halves
        if further.any():
            task[further] = column(self.extra_task, parts[further] - self.halves)
        return task

    def parts_of(self, task: int) -> list[int]:
        """Return the numbers of the task's parts, in the order of the placement's shares; none before it is placed."""
        if self.device[task] < 0:
            return []
        if self.has_pairs and self.device[self.tasks + task] >= 0:
            return [task, self.tasks + task]
        if self._first_extra and self._first_extra[task] >= 0:
            first = self._first_extra[task]
            return [task, *range(first, first + self._extra_count[task])]
        return [task]

    def fraction(self, part: int) -> float:
        """Return the fraction of its task that a part is."""
        if part >= self.halves:
            return self.extra_fraction[part - self.halves]
        task = self.task_of(part)
        kept = self._fraction[task]
        smaller = abs(kept)
        if (kept > 0.0) == (part < self.tasks):
            return smaller
        larger = self._larger[task] if self._larger else np.nan
        return larger if larger == larger else 1.0 - smaller

    def _fractions(self, parts: IntArray, task: IntArray) -> FloatArray:
        kept = column(self._fraction, task)
        smaller = np.abs(kept)
        larger = 1.0 - smaller
        if self._larger:
            known = column(self._larger, task)
            larger = np.where(np.isnan(known), larger, known)
        fraction: FloatArray = np.where((kept > 0.0) == (parts < self.tasks), smaller, larger)
        further = parts >= self.halves
        if further.any():
            fraction[further] = column(self.extra_fraction, parts[further] - self.halves)
        return fraction

    def finish_s(self, task: int) -> float:
        """Return when a finished task's last share ended."""
        return max(self.end_s[part] for part in self.parts_of(task))

    def fraction_on(self, task: int, device: int) -> float:
        """Return the fraction of the task that was placed on the device."""
        return sum(self.fraction(part) for part in self.parts_of(task) if self.device[part] == device)

    def parts(self, numbers: IntArray | None = None) -> Parts:
        """Return the parts with these numbers, or all that have been placed."""
        if numbers is None:
            numbers = np.flatnonzero(column(self.device) >= 0)
        task = self.tasks_of(numbers)
        return Parts(
            task=task,
            device=column(self.device, numbers).astype(np.int64),
            fraction=self._fractions(numbers, task),
            placed_s=column(self.placed_s, task),
            start_s=column(self.start_s, numbers),
            end_s=column(self.end_s, numbers),
        )

    def finished_tasks(
        self, scheduler: str, since: int, until: int, columns: TaskColumns, cluster: Cluster
    ) -> FinishedTasks:
        """Return the tasks number ``since`` to ``until`` in finishing order as a batch of columns."""
        task = column(self.finished, slice(since, until)).astype(np.int64)
        counts, second = self._shares_of(task)
        starts = np.concatenate([[0], np.cumsum(counts)])
        rows = starts[:-1]
        place = np.arange(starts[-1]) - np.repeat(rows, counts)  # 0 for the first share of each task
        parts = self.parts(np.where(place == 0, np.repeat(task, counts), np.repeat(second, counts) + place - 1))
        slots = columns.slots_array[task]
        rates = DeviceRates(cluster)
        busy = (parts.end_s - parts.start_s) * np.repeat(slots, counts) / rates.slots[parts.device]
        return FinishedTasks(
            scheduler=scheduler,
            task=task,
            arrival_s=columns.arrival_array[task],
            start_s=np.minimum.reduceat(parts.start_s, rows) if len(task) else parts.start_s,
            finish_s=np.maximum.reduceat(parts.end_s, rows) if len(task) else parts.end_s,
            gpu_fraction=_sums(parts.fraction * rates.is_gpu[parts.device], rows),
            energy_j=_sums(busy * rates.extra_w[parts.device], rows),
            cost=_sums(busy * rates.price_per_s[parts.device], rows),
            share_start=starts,
            share_device=parts.device,
            share_fraction=parts.fraction,
        )

    def _shares_of(self, task: IntArray) -> tuple[IntArray, IntArray]:
        """Return how many parts each of these placed tasks has, and the number of its second (if it has one)."""
        counts, second = np.ones(len(task), dtype=np.int64), task + self.tasks
        if self.has_pairs:
            counts += column(self.device, second) >= 0
        if self._first_extra:
            many = column(self._first_extra, task)
            counts += column(self._extra_count, task)
            second = np.where(many >= 0, many, second)
        return counts, second

    def digest(self) -> str:
        """Return the BLAKE2b-128 hash of every share's task, device, fraction, start and end, in task order."""
        parts = self.parts()
        order = np.lexsort((parts.device, parts.task))
        digest = hashlib.blake2b(digest_size=16)
        for index in (parts.task, parts.device):
            digest.update(index[order].astype("<i4").tobytes())
        for values in (parts.fraction, parts.start_s, parts.end_s):
            digest.update(values[order].astype("<f8").tobytes())
        return digest.hexdigest()


class DeviceRates:
    """The devices' slots, watts above idle, price per second and kind as arrays, for arithmetic over many shares."""

    __slots__ = ("extra_w", "idle_w", "is_gpu", "price_per_s", "slots")

    def __init__(self, cluster: Cluster) -> None:
        devices = cluster.devices
        self.slots = np.array([d.slots for d in devices], dtype=np.float64)
        self.idle_w = np.array([d.idle_w for d in devices])
        self.extra_w = np.array([d.active_w - d.idle_w for d in devices])
        self.price_per_s = np.array([d.price_per_hour / 3600.0 for d in devices])
        self.is_gpu = np.array([d.kind == "gpu" for d in devices])


def _narrowest(devices: int) -> str:
    """Return the typecode of the narrowest column for the numbers of devices, and -1."""
    return "b" if devices < 2**7 else "h" if devices < 2**15 else "i"


def _sums(values: FloatArray, rows: IntArray) -> FloatArray:
    result: FloatArray = np.add.reduceat(values, rows) if len(rows) else np.zeros(0)
    return result
