"""Batch mode: again and again the most urgent of the waiting tasks goes where it finishes first.

The common part of min_min, max_min and sufferage, which differ in what they call urgent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from engine.workload import FloatArray
from plugins.schedulers.declining import nowhere_whole


class BatchMode(Scheduler):
    """Places all ready tasks, one by one, whole; ties go to the earlier task, then to the lower device."""

    def urgency(self, best_s: FloatArray, second_s: FloatArray) -> FloatArray:
        """Return how urgent each task is, from its earliest finish and its earliest finish on any other device."""
        raise NotImplementedError

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        tasks = list(pending.ready())
        if len(tasks) < 2:  # the usual case where tasks arrive one by one, at a tenth of the price of the matrices
            yield from (on(task, _earliest(task, state)) for task in tasks)
            return
        finishes = _Finishes(tasks, state)
        urgency = self.urgency(finishes.best_s, finishes.second_s).copy()
        for _ in tasks:
            row = int(np.argmax(urgency))
            device = finishes.device(row)
            yield on(tasks[row], device)
            changed = finishes.placed(row, device)
            urgency[changed] = self.urgency(finishes.best_s[changed], finishes.second_s[changed])
            urgency[row] = -np.inf

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)


def _earliest(task: Task, state: ClusterState) -> int:
    """Return the device on which the task is believed to finish first, ties to the lower index."""
    best, best_s = -1, np.inf
    for device in range(len(state.devices)):
        if state.fits(task, device):
            start_s = max(state.available_at(device, task.slots), state.data_ready(task, device))
            finish_s = start_s + state.seconds(task, device)
            if finish_s < best_s:
                best, best_s = device, finish_s
    return best


class _Finishes:
    """The believed finish of every waiting task (row) on every device (column), kept true placement by placement.

    A placement delays one device; only the tasks for which that device was among the two best are looked at again.
    """

    def __init__(self, tasks: Sequence[Task], state: ClusterState) -> None:
        self._state = state
        devices = [d.index for d in state.devices]
        n, m = len(tasks), len(devices)
        # one column more than devices, never free: a task that fits one device alone has a second best too
        self._seconds: FloatArray = np.full((n, m + 1), np.inf)
        self._seconds[:, :m] = [[state.seconds(t, d) if state.fits(t, d) else np.inf for d in devices] for t in tasks]
        self._data_s: FloatArray = np.zeros((n, m + 1))
        if any(task.parents for task in tasks):
            self._data_s[:, :m] = [[state.data_ready(t, d) for d in devices] for t in tasks]
        slots = np.array([task.slots for task in tasks])
        self._rows_by_slots = {int(s): np.flatnonzero(slots == s) for s in np.unique(slots)}
        self._finish_s: FloatArray = np.full((n, m + 1), np.inf)
        for device in devices:
            self._fill(device)
        self.best_s: FloatArray = np.empty(n)
        self.second_s: FloatArray = np.empty(n)
        self._find_best(np.arange(n))

    def device(self, row: int) -> int:
        """Return where the task of this row finishes first."""
        return int(np.argmin(self._finish_s[row]))

    def placed(self, row: int, device: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """The task of this row was placed there; return the rows whose best or second best may have changed."""
        self._seconds[row] = np.inf
        self.second_s[row] = -np.inf  # out of reach of every change
        changed = np.flatnonzero(self._finish_s[:, device] <= self.second_s)
        self._fill(device)
        self._find_best(changed)
        return changed

    def _fill(self, device: int) -> None:
        for slots, rows in self._rows_by_slots.items():
            start_s = np.maximum(self._data_s[rows, device], self._state.available_at(device, slots))
            self._finish_s[rows, device] = start_s + self._seconds[rows, device]

    def _find_best(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        two = np.partition(self._finish_s[rows], 1, axis=1)
        self.best_s[rows], self.second_s[rows] = two[:, 0], two[:, 1]
