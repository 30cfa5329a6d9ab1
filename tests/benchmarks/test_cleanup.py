"""What cleaning up costs at a million results, and what a race that records meanwhile notices of it."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from persistence.cleaning import CleanedRun
from persistence.recording.recorder import Recorder
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import RESULT, open_storage
from tests.benchmarks.timing import print_table
from tests.persistence.million import Grid, fill
from tests.persistence.records import PLUGINS, finished, header

pytestmark = pytest.mark.benchmark

GRID = Grid(5, 40_000)
"""A million results, and as many samples and metrics: 200,000 of each a run."""
LONGEST_LAG_S = 1.0
LONGEST_RUN_S = 5.0
PAUSE_S = 0.05


def test_a_race_that_records_does_not_notice_that_runs_of_200_000_results_are_deleted(
    database_url: str, tmp_path: Path, execute: Callable[..., object]
) -> None:
    settings = StorageSettings("postgresql", data_dir=tmp_path).with_url(database_url, "the test")
    fill(settings, GRID)
    execute(f"INSERT INTO schedrace.journal_progress SELECT run, '{RESULT}', 2 FROM schedrace.runs", database_url)
    service = SimulationDataService.open(settings)
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    before_s = lags(recorder, lambda: False, 0, 40)

    took: list[float] = []
    began = time.perf_counter()

    def tell(cleaned: CleanedRun) -> None:
        nonlocal began
        if not cleaned.kept:
            took.append(time.perf_counter() - began)
        began = time.perf_counter()

    cleaning = threading.Thread(target=lambda: service.cleanup_old_data(keep_runs=0, tell=tell))
    cleaning.start()
    while_s = lags(recorder, lambda: not cleaning.is_alive(), 40, 2_000)
    cleaning.join()
    status = recorder.close()
    service.close()
    print_table(
        "cleaning up with a race beside it",
        [
            ("", "median", "longest"),
            ("s a run of 200,000 results", f"{statistics.median(took):.2f}", f"{max(took):.2f}"),
            ("ms until rows arrive, before", f"{1e3 * statistics.median(before_s):.0f}", f"{1e3 * max(before_s):.0f}"),
            ("ms until rows arrive, beside it", f"{1e3 * statistics.median(while_s):.0f}", f"{1e3 * max(while_s):.0f}"),
        ],
    )
    assert len(took) == GRID.runs
    assert (status.rows_pending, status.retries, status.problem) == (0, 0, None)
    assert max(took) <= LONGEST_RUN_S
    assert max(while_s) <= LONGEST_LAG_S


def lags(recorder: Recorder, over: Callable[[], bool], first: int, most: int) -> list[float]:
    """Hand batches over, and return how far the database was behind at each of them, until it is ``over``."""
    seconds = []
    for number in range(first, first + most):
        if over():
            break
        recorder.finished(finished(100 * number, 100))
        time.sleep(PAUSE_S)
        seconds.append(recorder.status().lag_s)
    return seconds
