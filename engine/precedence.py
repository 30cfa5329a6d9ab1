"""Who waits for whom: parents, and the data that they send over the link."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from engine.cluster import Cluster
from engine.ledger import Ledger
from engine.task import TaskColumns


class Precedence:
    """The parents that each task still waits for, and the placed shares that wait with it."""

    __slots__ = ("_columns", "_has_links", "_ledger", "_link", "_missing_parents", "_waiting")

    def __init__(self, columns: TaskColumns, ledger: Ledger, cluster: Cluster) -> None:
        self._columns = columns
        self._ledger = ledger
        self._link = cluster.link
        self._has_links = cluster.link.gb_s < math.inf or cluster.link.latency_s > 0
        # of no task where no task has parents
        self._missing_parents = array("i", map(len, columns.parents) if any(columns.parents) else ())
        self._waiting: dict[int, list[int]] = {}

    def is_ready(self, task: int) -> bool:
        """Return whether all parents have finished."""
        return not self._missing_parents or not self._missing_parents[task]

    def may_start(self, task: int, device: int, now_s: float) -> bool:
        """Return whether all parents have finished and their data are on the device."""
        return self.data_ready_s(task, device) <= now_s

    def wait(self, task: int, part: int) -> None:
        """Remember a placed share of a task that is not ready."""
        self._waiting.setdefault(task, []).append(part)

    def release(self, task: int) -> Iterator[tuple[int, list[int]]]:
        """The task has finished: yield each child that is ready now, with its shares that were placed already."""
        for child in self._columns.children[task]:
            self._missing_parents[child] -= 1
            if not self._missing_parents[child]:
                yield child, self._waiting.pop(child, [])

    def data_ready_s(self, task: int, device: int) -> float:
        """Return when the data of a task's parents are on the device; inf while a parent has not finished.

        Each parent sends over the link what its shares elsewhere hold:
        finish + latency + gb x fraction elsewhere / gb_s.
        """
        if not self.is_ready(task):
            return math.inf
        latest_s = 0.0
        for parent, gb in zip(self._columns.parents[task], self._columns.parent_gb[task], strict=True):
            sent_s = self._ledger.finish_s(parent)
            elsewhere = 1.0 - self._ledger.fraction_on(parent, device) if self._has_links else 0.0
            if elsewhere > 0.0:
                sent_s += self._link.latency_s + gb * elsewhere / self._link.gb_s
            latest_s = max(latest_s, sent_s)
        return latest_s
