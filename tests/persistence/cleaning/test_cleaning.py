"""What goes, and what stays whatever is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import InputError
from persistence.cleaning import GOING_ON, NOT_ARRIVED, CleanedRun
from persistence.database.opening import Database
from persistence.database.repositories import RunRepository
from persistence.errors import StorageError
from persistence.recording.cut_runs import keep_as_it_is
from persistence.recording.shipping import ship_left_behind
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.cleaning.runs import MONTH, Execute, begin, make_old, record
from tests.persistence.records import PLUGINS


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


def test_runs_that_were_cut_go_like_others_kept_as_they_are_or_not(
    settings: StorageSettings, service: SimulationDataService, rows: Callable[[str], int]
) -> None:
    cut, decided = record(settings, over=False), record(settings, over=False)
    keep_as_it_is(settings.runs_dir, decided)
    assert {row.run: row.kept for row in service.cleanup_old_data(keep_runs=0)} == {cut: None, decided: None}
    assert (rows(cut), rows(decided), list(settings.runs_dir.iterdir())) == (0, 0, [])


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
        said = service.cleanup_old_data(dry_run=True, **selection)  # type: ignore[arg-type]
        return [row.run for row in said if not row.kept]

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
    with pytest.raises(InputError, match=rf"There is no run '{run}x', so nothing was deleted\."):
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
