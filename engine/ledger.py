"""What has happened in one simulation, as growing columns: about 45 bytes a task."""

from __future__ import annotations

import hashlib
from array import array

import numpy as np

from engine.cluster import Cluster
from engine.columns import column
from engine.records import FinishedTasks
from engine.task import TaskColumns
from engine.workload import FloatArray, IntArray


class Ledger:
    """Shares ("parts") in placing order, tasks in finishing order. Written by the simulation only.

    The parts of a task lie side by side from ``first_part``; ``start_s``/``end_s`` of a part are nan until it happens.
    """

    __slots__ = (
        "device", "end_s", "ended", "finished", "first_part", "fraction", "n_parts", "placed_s", "start_s", "task",
    )  # fmt: skip

    def __init__(self, tasks: int) -> None:
        self.first_part = array("q", [-1]) * tasks
        self.n_parts = array("b", [0]) * tasks
        self.task = array("i")
        self.device = array("i")
        self.fraction = array("d")
        self.placed_s = array("d")
        self.start_s = array("d")
        self.end_s = array("d")
        self.ended = array("i")
        self.finished = array("i")

    def add_part(self, task: int, device: int, fraction: float, now_s: float) -> int:
        """Append a share that was just placed; return its number."""
        part = len(self.task)
        if not self.n_parts[task]:
            self.first_part[task] = part
        self.n_parts[task] += 1
        self.task.append(task)
        self.device.append(device)
        self.fraction.append(fraction)
        self.placed_s.append(now_s)
        self.start_s.append(np.nan)
        self.end_s.append(np.nan)
        return part

    def parts_of(self, task: int) -> range:
        """Return the numbers of the task's shares."""
        first = self.first_part[task]
        return range(first, first + self.n_parts[task])

    def finish_s(self, task: int) -> float:
        """Return when a finished task's last share ended."""
        return max(self.end_s[part] for part in self.parts_of(task))

    def fraction_on(self, task: int, device: int) -> float:
        """Return the fraction of the task that was placed on the device."""
        return sum(self.fraction[part] for part in self.parts_of(task) if self.device[part] == device)

    def finished_tasks(
        self, scheduler: str, since: int, until: int, columns: TaskColumns, cluster: Cluster
    ) -> FinishedTasks:
        """Return the tasks number ``since`` to ``until`` in finishing order as a batch of columns."""
        task = column(self.finished, np.int32, slice(since, until)).astype(np.int64)
        counts = column(self.n_parts, np.int8, task).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)])
        first = column(self.first_part, np.int64, task)
        part = np.repeat(first - starts[:-1], counts) + np.arange(starts[-1])
        device = column(self.device, np.int32, part).astype(np.int64)
        fraction = column(self.fraction, np.float64, part)
        start_s = column(self.start_s, np.float64, part)
        end_s = column(self.end_s, np.float64, part)
        slots = np.array([columns.slots[i] for i in task.tolist()], dtype=np.float64)
        rates = DeviceRates(cluster)
        busy = (end_s - start_s) * np.repeat(slots, counts) / rates.slots[device]
        rows = starts[:-1]
        return FinishedTasks(
            scheduler=scheduler,
            task=task,
            arrival_s=np.array([columns.arrival_s[i] for i in task.tolist()]),
            start_s=np.minimum.reduceat(start_s, rows) if len(task) else start_s,
            finish_s=np.maximum.reduceat(end_s, rows) if len(task) else end_s,
            gpu_fraction=_sums(fraction * rates.is_gpu[device], rows, len(task)),
            energy_j=_sums(busy * rates.extra_w[device], rows, len(task)),
            cost=_sums(busy * rates.price_per_s[device], rows, len(task)),
            share_start=starts,
            share_device=device,
            share_fraction=fraction,
        )

    def digest(self) -> str:
        """Return the BLAKE2b-128 hash of every share's task, device, fraction, start and end, in task order."""
        task = column(self.task, np.int32)
        device = column(self.device, np.int32)
        order = np.lexsort((device, task))
        digest = hashlib.blake2b(digest_size=16)
        digest.update(task[order].astype("<i4").tobytes())
        digest.update(device[order].astype("<i4").tobytes())
        for values in (self.fraction, self.start_s, self.end_s):
            digest.update(column(values, np.float64, order).astype("<f8").tobytes())
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


def _sums(values: FloatArray, rows: IntArray, n: int) -> FloatArray:
    result: FloatArray = np.add.reduceat(values, rows) if n else np.zeros(0)
    return result
