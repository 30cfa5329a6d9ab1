"""Schedulers against each other: of one run, task by task; of two runs, figure by figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.rounding import beyond_rounding
from engine.workload import FloatArray, IntArray
from persistence.figures import SchedulerStats

COMPARED: Sequence[str] = (
    *("mean_response_s", "p50_response_s", "p95_response_s", "p99_response_s", "mean_wait_s", "makespan_s"),
    *("energy_j", "cost"),
)


@dataclass(frozen=True, slots=True)
class SchedulerComparison:
    """One scheduler in two runs."""

    scheduler: str
    first: SchedulerStats
    second: SchedulerStats

    def ratio(self, figure: str) -> float | None:
        """Return the second run's figure (one of ``COMPARED``) / the first's; None where there is none."""
        first, second = getattr(self.first, figure), getattr(self.second, figure)
        return second / first if first and second is not None else None


def compare(first: Sequence[SchedulerStats], second: Sequence[SchedulerStats]) -> list[SchedulerComparison]:
    """Return the schedulers that raced in both runs, in the first one's order."""
    of_second = {row.scheduler: row for row in second}
    return [
        SchedulerComparison(row.scheduler, row, of_second[row.scheduler]) for row in first if row.scheduler in of_second
    ]


@dataclass(frozen=True, slots=True, eq=False)
class WinLoss:
    """On how many tasks the scheduler of a row finished sooner than that of a column, and on how many both did at once
    (but for rounding).

    ``sooner``, ``ties`` and ``tasks`` (those that both have finished) are n x n, in the order of ``schedulers``.
    """

    schedulers: tuple[str, ...]
    sooner: IntArray
    ties: IntArray
    tasks: IntArray


def win_loss(schedulers: Sequence[str], lane: IntArray, task: IntArray, finish_s: FloatArray) -> WinLoss:
    """Return the matrix from results, one entry each: ``lane`` is the index of its scheduler, ``task`` its number."""
    n = len(schedulers)
    numbers, column = np.unique(task, return_inverse=True)
    finish = np.full((n, len(numbers)), np.nan)  # a task that is not finished is neither sooner nor later
    finish[lane, column] = finish_s
    sooner, ties = np.zeros((n, n), np.int64), np.zeros((n, n), np.int64)
    done = ~np.isnan(finish)
    for row in range(n):
        later_s = beyond_rounding(finish - finish[row], finish)
        sooner[row] = (later_s > 0).sum(axis=1)
        ties[row] = (later_s == 0).sum(axis=1)
    np.fill_diagonal(ties, 0)
    return WinLoss(tuple(schedulers), sooner, ties, done.astype(np.int64) @ done.T.astype(np.int64))
