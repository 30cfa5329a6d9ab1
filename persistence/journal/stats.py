"""The same figures as the database's, from a journal alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from engine.metrics import bounded_slowdown
from engine.workload import FloatArray
from persistence.comparison import WinLoss, win_loss
from persistence.figures import SchedulerStats
from persistence.journal.columns import journal_table
from persistence.journal.reader import JournalReader

_TABLE = "scheduler_results"
_NUMBERS = ("arrival_s", "start_s", "finish_s", "gpu_fraction", "energy_j", "cost")


def journal_stats(journal: JournalReader) -> list[SchedulerStats]:
    """Return how each scheduler of a run did on the tasks that it has finished."""
    arrivals = journal_table(journal, "tasks", ["arrival_s"])["arrival_s"]
    first_s = pc.min(arrivals).as_py() if len(arrivals) else np.inf
    table = journal_table(journal, _TABLE, ["scheduler", *_NUMBERS])
    return [_stats(scheduler, columns, first_s) for scheduler, columns in _by_scheduler(table)]


def journal_wins(journal: JournalReader, schedulers: Sequence[str]) -> WinLoss:
    """Return on how many tasks of a run which scheduler finished sooner."""
    table = journal_table(journal, _TABLE, ["scheduler", "task", "finish_s"]).unify_dictionaries().combine_chunks()
    names, codes = _coded(table)
    place = np.array([schedulers.index(name) if name in schedulers else -1 for name in names], np.int64)
    lane = place[codes] if len(codes) else np.zeros(0, np.int64)
    known = lane >= 0
    return win_loss(schedulers, lane[known], table["task"].to_numpy()[known], table["finish_s"].to_numpy()[known])


def _by_scheduler(table: Any) -> Iterator[tuple[str, dict[str, FloatArray]]]:
    names, codes = _coded(table.unify_dictionaries().combine_chunks())
    columns = {name: table[name].to_numpy() for name in _NUMBERS}
    for code, scheduler in enumerate(names):
        rows = codes == code
        yield scheduler, {name: column[rows] for name, column in columns.items()}


def _coded(table: Any) -> tuple[list[str], Any]:
    """Return the schedulers of a table in one piece, and for each row the index of its own."""
    if not len(table):
        return [], np.zeros(0, np.int64)
    schedulers = table["scheduler"].chunk(0)
    return schedulers.dictionary.to_pylist(), schedulers.indices.to_numpy()


def _stats(scheduler: str, rows: dict[str, FloatArray], first_s: float) -> SchedulerStats:
    response_s = rows["finish_s"] - rows["arrival_s"]
    wait_s = rows["start_s"] - rows["arrival_s"]
    p50, p95, p99 = np.percentile(response_s, [50, 95, 99]).tolist()
    return SchedulerStats(
        scheduler=scheduler,
        tasks=len(response_s),
        makespan_s=float(rows["finish_s"].max() - min(first_s, rows["arrival_s"].min())),
        mean_response_s=float(response_s.mean()),
        p50_response_s=p50,
        p95_response_s=p95,
        p99_response_s=p99,
        mean_wait_s=float(wait_s.mean()),
        mean_bounded_slowdown=float(bounded_slowdown(wait_s, rows["finish_s"] - rows["start_s"]).mean()),
        cost=float(rows["cost"].sum()),
        task_energy_j=float(rows["energy_j"].sum()),
        gpu_fraction=float(rows["gpu_fraction"].mean()),
    )
