"""Cleaning up: what goes, what stays whatever is asked for, and that nobody waits for it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.results import RaceResult
from persistence.cleaning import ELSEWHERE, GOING_ON, GONE, NOT_ARRIVED, CleanedRun, DatabaseCleaner
from persistence.database.opening import Database, open_database
from persistence.database.repositories import RunRepository
from persistence.errors import StorageError
from persistence.journal.files import Journal
from persistence.recording.cut_runs import keep_as_it_is
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header, training_log

Execute = Callable[..., list[tuple[object, ...]]]
MONTH = timedelta(days=30)


@pytest.fixture
def service(settings: StorageSettings) -> Iterator[SimulationDataService]:
    service = SimulationDataService.open(settings)
    yield service
    service.close()


@pytest.fixture
def database(settings: StorageSettings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.engine.dispose()


@pytest.fixture
def rows(database_url: str, execute: Execute) -> Callable[[str], int]:
    """Count the results of a run in the database."""

    def count(run: str) -> int:
        return int(execute(f"SELECT count(*) FROM schedrace.scheduler_results WHERE run = '{run}'", database_url)[0][0])  # type: ignore[call-overload]

    return count


@pytest.fixture
def csv(tmp_path: Path) -> StorageSettings:
    return StorageSettings("csv", data_dir=tmp_path)


def begin(settings: StorageSettings, results: int = 60) -> Recorder:
    """A race that goes on: some of its rows have been handed over."""
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, results))
    recorder.samples("mct", training_log(20).latest(20, 1000))
    assert recorder.sync()
    return recorder


def record(settings: StorageSettings, *, over: bool = True, results: int = 60) -> str:
    recorder = begin(settings, results)
    if over:
        recorder.result(RaceResult("digest", 60, (), True))
    assert recorder.close().problem is None
    if not over:
        ship_left_behind(open_storage(settings, PLUGINS))  # a later start has found that it was cut
    return recorder.header.run


def elsewhere(settings: StorageSettings, folder: Path) -> StorageSettings:
    """The same database, seen from another machine."""
    return replace(settings, data_dir=folder)


def make_old(run: str, days: int, database_url: str, execute: Execute) -> None:
    execute(f"UPDATE schedrace.runs SET started_at = now() - interval '{days} days' WHERE run = '{run}'", database_url)


def test_rows_and_journal_go_together_and_no_replay_brings_them_back(
    settings: StorageSettings, service: SimulationDataService, rows: Callable[[str], int], database_url: str,
    execute: Execute, tmp_path: Path,
) -> None:  # fmt: skip
    old, new = record(settings), record(settings)
    make_old(old, 40, database_url, execute)
    shutil.copytree(settings.runs_dir / old, tmp_path / "backup")

    (cleaned,) = service.cleanup_old_data(older_than=MONTH)
    assert (cleaned.run, cleaned.kept) == (old, None)
    assert not (settings.runs_dir / old).exists()
    assert (rows(old), rows(new)) == (0, 60)
    assert execute("SELECT count(*) FROM schedrace.training_data", database_url) == [(26,)]

    shutil.copytree(tmp_path / "backup", settings.runs_dir / old)
    assert ship_left_behind(open_storage(settings, PLUGINS)).rows == 0
    assert (rows(old), [row.run for row in service.get_runs()]) == (0, [new])


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    settings: StorageSettings, service: SimulationDataService, rows: Callable[[str], int]
) -> None:
    run = record(settings)
    size = sum(path.stat().st_size for path in (settings.runs_dir / run).iterdir())
    said = service.cleanup_old_data(keep_runs=0, dry_run=True)
    assert [(row.run, row.kept, row.journal_bytes) for row in said] == [(run, None, size)]
    assert (said[0].rows["scheduler_results"], said[0].rows["training_data"]) == (60, 26)
    assert (rows(run), (settings.runs_dir / run / "run.json").exists()) == (60, True)
    assert service.cleanup_old_data(keep_runs=0) == said


def test_what_goes_on_or_has_not_arrived_is_never_cleaned_up(
    settings: StorageSettings, service: SimulationDataService, database_url: str, execute: Execute
) -> None:
    recorder = begin(settings)
    waiting, unknown = record(settings), record(replace(settings, kind="csv"))
    execute("UPDATE schedrace.journal_progress SET byte_offset = byte_offset - 1 WHERE table_name = 'training_data'",
            database_url)  # fmt: skip
    kept = {row.run: row.kept for row in service.cleanup_old_data(runs=[waiting, unknown], keep_runs=0)}
    names = {recorder.header.run, waiting, unknown}
    assert all((settings.runs_dir / run / "run.json").exists() for run in names)
    assert recorder.close().rows_written == 60
    assert kept == {waiting: NOT_ARRIVED, unknown: NOT_ARRIVED, recorder.header.run: GOING_ON}


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


def test_runs_that_were_cut_go_like_others_kept_as_they_are_or_not(
    settings: StorageSettings, service: SimulationDataService, rows: Callable[[str], int]
) -> None:
    cut, decided = record(settings, over=False), record(settings, over=False)
    keep_as_it_is(settings.runs_dir, decided)
    assert {row.run: row.kept for row in service.cleanup_old_data(keep_runs=0)} == {cut: None, decided: None}
    assert (rows(cut), rows(decided), list(settings.runs_dir.iterdir())) == (0, 0, [])


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


def test_it_stops_after_the_run_in_hand(settings: StorageSettings, service: SimulationDataService) -> None:
    runs = sorted(record(settings) for _ in range(3))
    said: list[CleanedRun] = []
    assert service.cleanup_old_data(keep_runs=0, tell=said.append, go_on=lambda: not said) == said
    assert len(said) == 1
    assert sorted(row.run for row in service.get_runs()) == sorted(set(runs) - {said[0].run})


def test_count_and_age_together_keep_what_either_keeps(
    settings: StorageSettings, service: SimulationDataService, database_url: str, execute: Execute
) -> None:
    runs = [record(settings) for _ in range(4)]
    for days, run in enumerate(runs):
        make_old(run, 20 * days + 1, database_url, execute)  # 1, 21, 41 and 61 days old

    def meant(**selection: object) -> list[str]:
        return [row.run for row in service.cleanup_old_data(dry_run=True, **selection)]  # type: ignore[arg-type]

    assert meant(keep_runs=1) == [runs[3], runs[2], runs[1]]
    assert meant(older_than=MONTH) == [runs[3], runs[2]]
    assert meant(keep_runs=3, older_than=MONTH) == [runs[3]]
    assert meant(keep_runs=1, older_than=MONTH) == [runs[3], runs[2]]
    assert meant(runs=[runs[0]], keep_runs=3) == [runs[3], runs[0]]


def test_only_the_named_run_goes(settings: StorageSettings, service: SimulationDataService, database: Database) -> None:
    left, named, other = (record(settings) for _ in range(3))
    with database.session() as cursor:
        RunRepository(cursor).purge(left)
    assert [row.run for row in service.cleanup_old_data(runs=[named])] == [named]
    assert {path.name for path in settings.runs_dir.iterdir()} == {left, other}
    assert [row.run for row in service.cleanup_old_data(runs=[left])] == [left]


def test_nothing_and_nonsense_are_refused(settings: StorageSettings, service: SimulationDataService) -> None:
    run = record(settings)
    with pytest.raises(InputError, match="Say which runs are to be cleaned up"):
        service.cleanup_old_data()
    with pytest.raises(InputError, match=rf"There is no run '{run}x'\. Did you mean '{run}'\?"):
        service.cleanup_old_data(runs=[f"{run}x"])
    with pytest.raises(InputError, match="-1 runs cannot be kept"):
        service.cleanup_old_data(keep_runs=-1)
    with pytest.raises(InputError, match="age of runs to clean up is below 0"):
        service.cleanup_old_data(older_than=timedelta(days=-1))
    assert [row.run for row in service.get_runs()] == [run]


def test_a_role_without_the_right_to_delete_may_look_and_is_told(
    settings: StorageSettings, rows: Callable[[str], int], database_url: str, execute: Execute
) -> None:
    run = record(settings)
    role = f"recorder_{run[-6:]}"
    execute(f"CREATE ROLE {role} LOGIN", database_url)
    for grant in ("USAGE ON SCHEMA schedrace", "SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA schedrace"):
        execute(f"GRANT {grant} TO {role}", database_url)
    user = database_url.split("//")[1].split("@")[0]
    service = SimulationDataService.open(settings.with_url(database_url.replace(f"//{user}@", f"//{role}@"), "a test"))
    try:
        assert [row.run for row in service.cleanup_old_data(keep_runs=0, dry_run=True)] == [run]
        with pytest.raises(StorageError, match=f"'{role}' may not delete in the database .* nothing was cleaned up"):
            service.cleanup_old_data(keep_runs=0)
    finally:
        service.close()
        execute(f"DROP OWNED BY {role}", database_url)
        execute(f"DROP ROLE {role}", database_url)
    assert rows(run) == 60


def test_a_journal_that_cannot_be_had_stops_no_other(settings: StorageSettings, service: SimulationDataService) -> None:
    broken, good = record(settings), record(settings)
    (settings.runs_dir / broken / "lock").unlink()
    (settings.runs_dir / broken / "lock").mkdir()
    said = {row.run: row.kept for row in service.cleanup_old_data(keep_runs=0)}
    assert said == {broken: "its lock cannot be opened: Is a directory", good: None}


def test_a_journal_that_is_damaged_stops_no_other(
    settings: StorageSettings, service: SimulationDataService, database: Database
) -> None:
    gone, left, kept = record(settings), record(settings), record(settings)
    for run in (gone, left):
        with database.session() as cursor:
            RunRepository(cursor).purge(run)
    for run in (gone, kept):
        (settings.runs_dir / run / "result.json").write_text("{}")
    said = {row.run: row.kept for row in service.cleanup_old_data(keep_runs=0)}
    assert said.keys() == {left, kept} and said[left] is None and "is not whole" in str(said[kept])
    assert {path.name for path in settings.runs_dir.iterdir()} == {gone, kept}


def test_with_csv_alone_the_journals_are_the_data(csv: StorageSettings) -> None:
    service = SimulationDataService.open(csv)
    runs = [record(csv) for _ in range(2)]
    recorder = begin(csv)
    would = service.cleanup_old_data(keep_runs=0, dry_run=True)
    assert {row.run: row.kept for row in would} == {runs[0]: None, runs[1]: None, recorder.header.run: GOING_ON}
    assert len(list(csv.runs_dir.iterdir())) == 3
    (cleaned,) = service.cleanup_old_data(runs=[runs[0]])
    assert (cleaned.kept, cleaned.rows["scheduler_results"]) == (None, 60)
    assert cleaned == next(row for row in would if row.run == runs[0])
    service.cleanup_old_data(keep_runs=0)
    assert recorder.close().rows_written == 60
    assert [path.name for path in csv.runs_dir.iterdir()] == [recorder.header.run]
    service.close()


def test_a_journal_that_vanished_meanwhile_is_no_error(csv: StorageSettings) -> None:
    first, second = sorted(record(csv) for _ in range(2))
    service = SimulationDataService.open(csv)

    def take_the_other(cleaned: CleanedRun) -> None:
        shutil.rmtree(csv.runs_dir / (second if cleaned.run == first else first), ignore_errors=True)

    assert [row.kept for row in service.cleanup_old_data(keep_runs=0, tell=take_the_other)] == [None, GONE]
    service.close()


@pytest.mark.parametrize("times", [1, 2])
def test_who_asks_meanwhile_whether_a_journal_is_free_leaves_nothing_behind_for_good(
    csv: StorageSettings, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Asking makes the lock's file anew, in a folder that was just emptied."""
    run = record(csv)
    service = SimulationDataService.open(csv)
    rmdir, left = Path.rmdir, times

    def asked_just_before(folder: Path) -> None:
        nonlocal left
        if left:
            left -= 1
            (folder / "lock").touch()
        rmdir(folder)

    monkeypatch.setattr(Path, "rmdir", asked_just_before)
    (cleaned,) = service.cleanup_old_data(runs=[run])
    assert (cleaned.kept is None) is (times == 1)
    assert service.get_runs() == []
    service.cleanup_old_data(keep_runs=0)
    assert list(csv.runs_dir.iterdir()) == []
    service.close()


def test_without_the_database_that_was_wanted_no_journal_goes(csv: StorageSettings, tmp_path: Path) -> None:
    run = record(csv)
    wanted = StorageSettings("auto", data_dir=tmp_path).with_url("postgresql://me@localhost:1/x", "a test")
    service = SimulationDataService.open(wanted)
    with pytest.raises(StorageError, match=r"refuses connections.* Nothing was cleaned up, because journals may not"):
        service.cleanup_old_data(keep_runs=0)
    assert [row.run for row in service.get_runs()] == [run]
    service.close()
