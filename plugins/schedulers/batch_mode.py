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
    best_s, best, has_parents = np.inf, -1, bool(task.parents)
    for devices in state.equals:
        if not state.fits(task, devices[0]):
            continue
        seconds = state.seconds(task, devices[0])
        for device in devices:
            start_s = state.available_at(device, task.slots)
            if has_parents:
                start_s = max(start_s, state.data_ready(task, device))
            if start_s + seconds < best_s or (start_s + seconds == best_s and device < best):
                best_s, best = start_s + seconds, device
            if start_s <= state.now:
                break  # none of its equals is sooner
    return best


class _Finishes:
    """The believed finish of every waiting task (row), kept true placement by placement.

    Equal devices differ in when they are free alone: two columns, for the first and the second of them, say all that
    is asked. Where tasks wait for data, which come to each device at a time of its own, none are taken for equal.
    A placement delays one device; only the tasks for which its group was among the two best are looked at again.
    """

    def __init__(self, tasks: Sequence[Task], state: ClusterState) -> None:
        self._state = state
        waits = any(task.parents for task in tasks)
        self._groups = [(device.index,) for device in state.devices] if waits else state.equals
        self._place_of = {d: (g, place) for g, devices in enumerate(self._groups) for place, d in enumerate(devices)}
        firsts = [devices[0] for devices in self._groups]
        n, widths = len(tasks), [min(len(devices), 2) for devices in self._groups]
        self._column = np.cumsum([0, *widths])
        self._seconds: FloatArray = np.array(
            [[state.seconds(t, d) if state.fits(t, d) else np.inf for d in firsts] for t in tasks]
        )
        self._data_s: FloatArray = np.zeros(self._seconds.shape)
        if waits:
            self._data_s[:] = [[state.data_ready(t, d) for d in firsts] for t in tasks]
        self._slots = np.array([task.slots for task in tasks])
        # by slots: the rows, and when each device of each group is free for so many
        self._rows = {int(s): np.flatnonzero(self._slots == s) for s in np.unique(self._slots)}
        self._free_s: dict[int, list[FloatArray]] = {
            s: [np.array([state.available_at(d, s) for d in devices]) for devices in self._groups] for s in self._rows
        }
        # one column more, never free: a task that fits one device alone has a second best too
        self._finish_s: FloatArray = np.full((n, sum(widths) + 1), np.inf)
        for group in range(len(self._groups)):
            self._fill(group)
        self.best_s: FloatArray = np.empty(n)
        self.second_s: FloatArray = np.empty(n)
        self._find_best(np.arange(n))

    def device(self, row: int) -> int:
        """Return where the task of this row finishes first."""
        best_s, free_s = self.best_s[row], self._free_s[int(self._slots[row])]
        best = []
        for group in np.flatnonzero(self._finish_s[row, self._column[:-1]] == best_s):
            finish_s = np.maximum(self._data_s[row, group], free_s[group]) + self._seconds[row, group]
            best.append(self._groups[group][int(np.argmax(finish_s == best_s))])
        return min(best)

    def placed(self, row: int, device: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """The task of this row was placed there; return the rows whose best or second best may have changed."""
        self._seconds[row] = np.inf
        self.second_s[row] = -np.inf  # out of reach of every change
        group, place = self._place_of[device]
        changed = np.flatnonzero(self._finish_s[:, self._column[group]] <= self.second_s)
        for slots, free_s in self._free_s.items():
            free_s[group][place] = self._state.available_at(device, slots)
        self._fill(group)
        self._find_best(changed)
        return changed

    def _fill(self, group: int) -> None:
        first, end = self._column[group : group + 2]
        for slots, rows in self._rows.items():
            free_s = self._free_s[slots][group]
            soonest_s = np.partition(free_s, 1)[:2] if len(free_s) > 1 else free_s
            start_s = np.maximum(self._data_s[rows, group, None], soonest_s)
            self._finish_s[rows, first:end] = start_s + self._seconds[rows, group, None]

    def _find_best(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        two = np.partition(self._finish_s[rows], 1, axis=1)
        self.best_s[rows], self.second_s[rows] = two[:, 0], two[:, 1]
