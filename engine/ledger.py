"""What has happened in one simulation, as columns: about 55 bytes a task."""

from __future__ import annotations

import hashlib
from array import array
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

    Part i < n is the first share of task i, so that a task placed whole needs no more than its ``device`` (-1 before)
    and ``placed_s`` set; further shares are appended, those of one task side by side from ``extra[task]``. ``ended``
    lists parts, ``finished`` tasks, in the order in which it happened.
    """

    __slots__ = (
        "device", "end_s", "ended", "extra", "extra_task", "finished", "fraction", "n_parts", "placed_s", "start_s",
        "tasks",
    )  # fmt: skip

    def __init__(self, tasks: int) -> None:
        self.tasks = tasks
        self.n_parts = array("i", [1]) * tasks
        self.extra = array("i", [-1]) * tasks
        self.extra_task = array("i")
        self.device = array("i", [-1]) * tasks
        self.fraction = array("d", [1.0]) * tasks
        self.placed_s = array("d", [np.nan]) * tasks
        self.start_s = array("d", [np.nan]) * tasks
        self.end_s = array("d", [np.nan]) * tasks
        self.ended = array("i")
        self.finished = array("i")

    def add_split(self, task: int, shares: Shares, now_s: float) -> int:
        """Note that a task was placed in several shares; return the number of its second part: the others follow it."""
        self.n_parts[task] = len(shares)
        self.device[task], self.fraction[task] = shares[0]
        self.placed_s[task] = now_s
        further = self.extra[task] = len(self.device)
        for device, fraction in shares[1:]:
            self.extra_task.append(task)
            self.device.append(device)
            self.fraction.append(fraction)
            self.placed_s.append(now_s)
            self.start_s.append(np.nan)
            self.end_s.append(np.nan)
        return further

    def task_of(self, part: int) -> int:
        """Return the task of a part."""
        return part if part < self.tasks else self.extra_task[part - self.tasks]

    def tasks_of(self, parts: IntArray) -> IntArray:
        """Return the tasks of many parts."""
        task = parts.astype(np.int64)
        further = task >= self.tasks
        if further.any():
            task[further] = column(self.extra_task, np.int32, task[further] - self.tasks)
        return task

    def parts_of(self, task: int) -> range | list[int]:
        """Return the numbers of the task's parts, in the order of the placement's shares."""
        count = self.n_parts[task] if self.device[task] >= 0 else 0
        if count <= 1:
            return range(task, task + count)
        first = self.extra[task]
        return [task, *range(first, first + count - 1)]

    def finish_s(self, task: int) -> float:
        """Return when a finished task's last share ended."""
        return max(self.end_s[part] for part in self.parts_of(task))

    def fraction_on(self, task: int, device: int) -> float:
        """Return the fraction of the task that was placed on the device."""
        return sum(self.fraction[part] for part in self.parts_of(task) if self.device[part] == device)

    def parts(self, numbers: IntArray | None = None) -> Parts:
        """Return the parts with these numbers, or all that have been placed."""
        if numbers is None:
            numbers = np.flatnonzero(column(self.device, np.int32) >= 0)
        return Parts(
            task=self.tasks_of(numbers),
            device=column(self.device, np.int32, numbers).astype(np.int64),
            fraction=column(self.fraction, np.float64, numbers),
            placed_s=column(self.placed_s, np.float64, numbers),
            start_s=column(self.start_s, np.float64, numbers),
            end_s=column(self.end_s, np.float64, numbers),
        )

    def finished_tasks(
        self, scheduler: str, since: int, until: int, columns: TaskColumns, cluster: Cluster
    ) -> FinishedTasks:
        """Return the tasks number ``since`` to ``until`` in finishing order as a batch of columns."""
        task = column(self.finished, np.int32, slice(since, until)).astype(np.int64)
        counts = column(self.n_parts, np.int32, task).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)])
        rows = starts[:-1]
        place = np.arange(starts[-1]) - np.repeat(rows, counts)  # 0 for the first share of each task
        extra = np.repeat(column(self.extra, np.int32, task).astype(np.int64), counts)
        parts = self.parts(np.where(place == 0, np.repeat(task, counts), extra + place - 1))
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


def _sums(values: FloatArray, rows: IntArray) -> FloatArray:
    result: FloatArray = np.add.reduceat(values, rows) if len(rows) else np.zeros(0)
    return result
