"""Cleaning up while others race, record and clean up: nobody waits, and nothing comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from engine.results import RaceResult
from persistence.cleaning import ELSEWHERE, CleanedRun, DatabaseCleaner
from persistence.database.opening import Database
from persistence.database.repositories import RunRepository
from persistence.journal.files import Journal
from persistence.recording.shipping import ship_left_behind
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.cleaning.runs import MONTH, Execute, begin, elsewhere, make_old, record
from tests.persistence.records import PLUGINS, finished


def test_a_race_records_on_while_another_run_is_being_deleted(
    settings: StorageSettings, database: Database, rows: Callable[[str], int]
) -> None:
    old = record(settings)
    recorder = begin(settings)
    with database.session() as cursor:
        repository = RunRepository(cursor)
        repository.hold(old)
        assert repository.purge(old)["scheduler_results"] == 60
        recorder.finished(finished(60, 500))  # what follows happens before the deletion is committed
        recorder.result(RaceResult("digest", 560, (), True))
        status = recorder.close()
        assert rows(recorder.header.run) == 560
        new = record(settings)
        assert rows(new) == 60
    assert (status.rows_written, status.rows_pending, status.problem, status.retries) == (560, 0, None, 0)
    assert rows(old) == 0


def test_rows_on_their_way_into_a_run_go_with_it(
    settings: StorageSettings, database: Database, rows: Callable[[str], int], database_url: str, execute: Execute,
    tmp_path: Path,
) -> None:  # fmt: skip
    """A machine that was silent for days, so that its run was given up, comes back at this very moment."""
    recorder = begin(elsewhere(settings, tmp_path / "there"))
    run = recorder.header.run
    assert recorder.close(3.0).rows_pending == 0
    make_old(run, 2, database_url, execute)
    cleaner, said = DatabaseCleaner(database, settings.runs_dir), []
    with database.session() as cursor:
        cursor.execute("INSERT INTO schedrace.metrics VALUES (%s, 'mct', 'queued', 0, 0.0, 1.0, now())", (run,))
        thread = threading.Thread(target=lambda: said.append(cleaner.clean(run, named=True)))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it does not wait for rows that are being added"
    thread.join(10.0)
    assert (said[0].kept, said[0].rows["metrics"], said[0].rows["scheduler_results"]) == (None, 1, 60)
    assert execute("SELECT count(*) FROM schedrace.metrics", database_url) == [(0,)]


def test_a_run_of_another_machine_goes_once_that_has_shipped_all_of_it(
    settings: StorageSettings, service: SimulationDataService, rows: Callable[[str], int], tmp_path: Path
) -> None:
    there = elsewhere(settings, tmp_path / "there")
    over, cut = record(there), record(there, over=False)
    going_on = begin(there)
    assert going_on.close(3.0).rows_pending == 0  # as far as the database knows, it goes on
    kept = {row.run: row.kept for row in service.cleanup_old_data(keep_runs=0)}
    assert kept == {over: None, cut: None, going_on.header.run: ELSEWHERE}
    assert [rows(run) for run in (over, cut, going_on.header.run)] == [0, 0, 60]
    assert service.cleanup_old_data(runs=[going_on.header.run])[0].kept == ELSEWHERE

    # there, where the journals are: it is not shipped again, and its journals go with the next clean-up
    assert ship_left_behind(open_storage(there, PLUGINS)).rows == 0
    at_home = SimulationDataService.open(there)
    gone = at_home.cleanup_old_data(older_than=timedelta(days=1000))
    at_home.close()
    assert {(row.run, row.kept) for row in gone} == {(over, None), (cut, None)}
    assert [path.parent.name for path in there.runs_dir.glob("*/run.json")] == [going_on.header.run]


def test_a_race_of_another_machine_that_was_given_up_goes_by_its_name_only_and_adds_nothing_afterwards(
    settings: StorageSettings, service: SimulationDataService, rows: Callable[[str], int], database_url: str,
    execute: Execute, tmp_path: Path,
) -> None:  # fmt: skip
    """A window that stood paused over a weekend must not bring half a run back."""
    paused = begin(elsewhere(settings, tmp_path / "there"))
    run = paused.header.run
    while paused.status().rows_pending:
        pass
    make_old(run, 2, database_url, execute)
    assert service.cleanup_old_data(keep_runs=0)[0].kept == ELSEWHERE
    assert service.cleanup_old_data(runs=[run])[0].kept is None
    paused.finished(finished(60, 500))
    paused.result(RaceResult("digest", 560, (), True))
    paused.close()
    assert (rows(run), service.get_runs()) == (0, [])
    assert Journal(tmp_path / "there" / "runs" / run).rows("scheduler_results") == 560


def test_a_clean_up_that_is_killed_is_finished_by_the_next(
    settings: StorageSettings, service: SimulationDataService, database: Database
) -> None:
    between, half_removed, other = record(settings), record(settings), record(settings)
    for run in (between, half_removed):
        with database.session() as cursor:
            RunRepository(cursor).purge(run)
    folder = settings.runs_dir / half_removed
    (folder / "run.json").rename(folder / "removed.json")
    (folder / "metrics.csv").unlink(missing_ok=True)

    assert ship_left_behind(open_storage(settings, PLUGINS)).rows == 0
    (cleaned,) = service.cleanup_old_data(older_than=MONTH)
    assert (cleaned.run, cleaned.kept, sum(cleaned.rows.values())) == (between, None, 0)
    assert [path.name for path in settings.runs_dir.iterdir()] == [other]


def test_two_programs_that_clean_up_at_once_delete_each_run_once(settings: StorageSettings) -> None:
    runs = {record(settings, results=5) for _ in range(8)}
    said: list[CleanedRun] = []
    services = [SimulationDataService.open(settings) for _ in range(2)]
    together = threading.Barrier(2)

    def clean(service: SimulationDataService) -> None:
        together.wait()
        said.extend(service.cleanup_old_data(keep_runs=0))

    threads = [threading.Thread(target=clean, args=(service,)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    for service in services:
        service.close()
    assert {row.run for row in said if row.kept is None} == runs
    assert sum(row.rows.get("scheduler_results", 0) for row in said) == 5 * len(runs)
    assert list(settings.runs_dir.iterdir()) == []
