"""Several programs on one database at once: those that read hold nobody up, and two that deadlock lose nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from persistence.checking.report import check_database
from persistence.database.opening import open_database
from persistence.recording.recorder import Recorder
from persistence.schema import metadata
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header, training_log

Execute = Callable[..., list[tuple[object, ...]]]
TASKS = 1000
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'schedrace' AND wait_event_type = 'Lock'"


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.01)


@contextmanager
def session(url: str) -> Iterator[Any]:
    """A cursor in a transaction that stays open."""
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


@pytest.fixture
def url(settings: StorageSettings) -> str:
    """Of the database, with our tables."""
    open_database(settings).engine.dispose()
    return str(settings.url)


def test_a_writer_that_deadlocks_with_another_one_tries_again_and_its_rows_are_there_once(
    settings: StorageSettings, url: str, execute: Execute
) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header(tasks=TASKS))
    run = recorder.header.run
    recorder.finished(finished(0, 100))
    wait_for(lambda: recorder.status().rows_written == 100, "the first rows do not arrive")
    with session(url) as cursor:
        cursor.execute("SET deadlock_timeout = '1min'")  # the recorder finds out, and is the one that gives way
        cursor.execute(f"SELECT FROM schedrace.journal_progress WHERE run = '{run}' FOR UPDATE")
        recorder.finished(finished(100, 100))
        wait_for(lambda: execute(WAITING, url) == [(1,)], "the recorder does not wait for us")
        cursor.execute(
            "INSERT INTO schedrace.scheduler_results SELECT run, scheduler, 150, arrival_s, start_s, finish_s, "
            "placement, gpu_fraction, energy_j, cost, created_at FROM schedrace.scheduler_results "
            f"WHERE run = '{run}' AND task = 0"
        )  # and we wait for the recorder's row of the same key
        wait_for(lambda: recorder.status().retries > 0, "nothing was tried again")
        problem = str(recorder.status().problem)
    assert "two writers that waited for each other" in problem and "tried again" in problem
    status = recorder.close()
    assert (status.rows_written, status.rows_pending, status.problem) == (200, 0, None)
    assert execute("SELECT count(*), count(DISTINCT task) FROM schedrace.scheduler_results", url) == [(200, 200)]
    stored = execute("SELECT finish_s FROM schedrace.scheduler_results WHERE task = 150", url)
    assert stored == [(finished(100, 100).finish_s[50],)]  # the recorder's, not that of who gave up


def test_a_reader_that_stays_in_its_transaction_holds_no_writer_up(settings: StorageSettings, url: str) -> None:
    with session(url) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table in metadata.tables.values():
            cursor.execute(f"SELECT count(*) FROM {table.fullname}")
        began = time.monotonic()
        recorder = Recorder(open_storage(settings, PLUGINS), header(tasks=TASKS))
        recorder.finished(finished(0, TASKS))
        recorder.samples("mct", training_log(200).latest(10**9, 10**9))
        status = recorder.close()
        took_s = time.monotonic() - began
        assert (status.rows_written, status.rows_pending, status.retries) == (TASKS, 0, 0)
        assert took_s < 2.0, "as long as a lock is waited for"
        cursor.execute("SELECT count(*) FROM schedrace.scheduler_results")
        assert cursor.fetchone() == (0,)  # it was one moment indeed


def test_a_writer_in_its_transaction_holds_no_reader_up(settings: StorageSettings, url: str) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header(tasks=TASKS))
    recorder.finished(finished(0, TASKS))
    recorder.close()
    run = recorder.header.run
    with session(url) as cursor:
        for table in ("scheduler_results", "runs", "journal_progress"):
            cursor.execute(f"UPDATE schedrace.{table} SET run = run")
        began = time.monotonic()
        service = SimulationDataService.open(replace(settings, data_dir=settings.data_dir / "elsewhere"))
        assert [row.run for row in service.get_runs()] == [run]
        assert service.get_scheduler_stats(run)[0].tasks == TASKS
        service.close()
        assert time.monotonic() - began < 2.0, "as long as a lock is waited for"


def test_programs_that_write_and_read_at_once_do_not_disturb_each_other(
    settings: StorageSettings, url: str, tmp_path: Path, execute: Execute
) -> None:
    """Three that record, one that asks for everything again and again, one that checks."""
    over = threading.Event()
    errors: list[str] = []
    answers = {"history": 0, "check": 0}

    def repeat(name: str, work: Callable[[], object]) -> None:
        while not over.is_set():
            try:
                work()
            except Exception as error:
                errors.append(f"{name}: {error!r}")
                return
            answers[name] += 1

    service = SimulationDataService.open(replace(settings, data_dir=tmp_path / "reader"))

    def ask() -> None:
        for row in service.get_runs():
            service.get_scheduler_stats(row.run, live=True)
            service.get_wins(row.run)

    checked = replace(settings, data_dir=tmp_path / "checker")
    readers = [
        threading.Thread(target=repeat, args=("history", ask)),
        threading.Thread(target=repeat, args=("check", lambda: check_database(checked, PLUGINS))),
    ]
    recorders = [
        Recorder(open_storage(replace(settings, data_dir=tmp_path / f"writer {n}"), PLUGINS), header(tasks=TASKS))
        for n in range(3)
    ]
    for reader in readers:
        reader.start()
    for first in range(0, TASKS, 20):
        for recorder in recorders:
            recorder.finished(finished(first, 20))
        time.sleep(0.02)
    statuses = [recorder.close() for recorder in recorders]
    over.set()
    for reader in readers:
        reader.join()
    service.close()
    assert errors == []
    assert [(status.rows_written, status.rows_pending, status.retries) for status in statuses] == [(TASKS, 0, 0)] * 3
    assert answers["history"] > 0 and answers["check"] > 0
    counts = "SELECT count(*), count(DISTINCT (run, task)) FROM schedrace.scheduler_results"
    assert execute(counts, url) == [(3 * TASKS, 3 * TASKS)]
