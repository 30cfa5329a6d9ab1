"""Old runs deleted by themselves: only where that was chosen, and never one that somebody may still need."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.results import RaceResult
from persistence.recording.cut_runs import keep_as_it_is
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import BackgroundReplay, ship_left_behind
from persistence.retention import clean_by_retention
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header

Execute = Callable[..., list[tuple[object, ...]]]


def always() -> bool:
    return True


def record(settings: StorageSettings, days_ago: int = 0, *, over: bool = True, here_since: int | None = None) -> str:
    """Record a run that began so long ago, without cleaning up; ``here_since`` so many days, where it was imported."""
    settings = replace(settings, keep_runs=None, keep_days=None)
    begun = replace(header(), started_at=datetime.now(UTC) - timedelta(days=days_ago))
    recorder = Recorder(open_storage(settings, PLUGINS), begun)
    recorder.finished(finished(0, 60))
    if over:
        recorder.result(RaceResult("digest", 60, (), True))
    assert recorder.close().problem is None
    if not over:
        ship_left_behind(open_storage(settings, PLUGINS))
    here_s = time.time() - (days_ago if here_since is None else here_since) * 86_400
    os.utime(settings.runs_dir / recorder.header.run / "run.json", (here_s, here_s))
    return recorder.header.run


def here(settings: StorageSettings) -> set[str]:
    return {path.parent.name for path in settings.runs_dir.glob("*/run.json")}


@pytest.fixture(params=["database", "csv"])
def stored(request: pytest.FixtureRequest, settings: StorageSettings) -> StorageSettings:
    return settings if request.param == "database" else replace(settings, kind="csv", url=None)


@pytest.fixture
def csv(tmp_path: Path) -> StorageSettings:
    return StorageSettings("csv", data_dir=tmp_path)


def test_what_neither_count_nor_age_keeps_goes_and_is_said(stored: StorageSettings) -> None:
    runs = [record(stored, days) for days in (40, 30, 20, 10)]
    assert clean_by_retention(replace(stored, keep_runs=4), always) is None
    assert clean_by_retention(replace(stored, keep_days=41), always) is None
    assert here(stored) == set(runs)

    said = clean_by_retention(replace(stored, keep_runs=1, keep_days=25), always)
    assert here(stored) == set(runs[2:])
    assert said is not None
    assert said.startswith(
        "2 runs were cleaned up, because the settings keep the newest 1 and those of the last 25 days"
    )
    assert said.endswith(f"{runs[0]} to {runs[1]}.")
    assert clean_by_retention(replace(stored, keep_runs=1), always) is not None
    assert here(stored) == {runs[3]}
    service = SimulationDataService.open(stored)
    assert [row.run for row in service.get_runs()] == [runs[3]]
    service.close()


def test_what_goes_on_has_not_arrived_or_is_offered_for_resumption_stays(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 60))
    assert recorder.sync()
    not_arrived, old, new = (record(settings, days) for days in (30, 20, 0))
    offered, decided = (record(settings, 40, over=False) for _ in range(2))
    keep_as_it_is(settings.runs_dir, decided)
    execute(f"UPDATE schedrace.journal_progress SET byte_offset = 0 WHERE run = '{not_arrived}'", database_url)
    said = clean_by_retention(replace(settings, keep_runs=1), always)
    assert here(settings) == {recorder.header.run, not_arrived, offered, new}
    assert recorder.close().rows_written == 60
    assert said is not None and f"{decided} to {old}" in said


def test_a_run_that_was_imported_counts_from_then_on(csv: StorageSettings) -> None:
    of_last_year = record(csv, 400, here_since=1)
    ours = [record(csv, days) for days in (100, 2)]
    assert clean_by_retention(replace(csv, keep_days=90), always) is not None
    assert here(csv) == {of_last_year, ours[1]}
    assert clean_by_retention(replace(csv, keep_runs=1), always) is not None
    assert here(csv) == {of_last_year}


def test_runs_of_other_machines_in_the_same_database_neither_count_nor_go(
    settings: StorageSettings, tmp_path: Path
) -> None:
    there = replace(settings, data_dir=tmp_path / "there")
    theirs = [record(there, days) for days in (90, 0, 0)]
    ours = [record(settings, days) for days in (80, 70)]
    assert clean_by_retention(replace(settings, keep_runs=2), always) is None
    assert clean_by_retention(replace(settings, keep_runs=1), always) is not None
    service = SimulationDataService.open(settings)
    assert {row.run for row in service.get_runs()} == {*theirs, ours[1]}
    service.close()


def test_a_role_without_the_right_to_delete_says_so_once(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    runs = {record(settings, days) for days in (30, 20)}
    role = f"recorder_{min(runs)[-6:]}"
    execute(f"CREATE ROLE {role} LOGIN", database_url)
    for grant in ("USAGE ON SCHEMA schedrace", "SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA schedrace"):
        execute(f"GRANT {grant} TO {role}", database_url)
    user = database_url.split("//")[1].split("@")[0]
    restricted = settings.with_url(database_url.replace(f"//{user}@", f"//{role}@"), "a test")
    said = [clean_by_retention(replace(restricted, keep_runs=1), always) for _ in range(2)]
    execute(f"DROP OWNED BY {role}", database_url)
    execute(f"DROP ROLE {role}", database_url)
    assert said[1] is None
    assert said[0] is not None and said[0].startswith("No old run was deleted, although the settings ask for it.")
    assert "may not delete" in said[0]
    assert here(settings) == runs


def test_it_is_done_in_the_background_after_what_was_left_behind_has_arrived(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    """A run that has not arrived at the start is brought in first, and may then go."""
    waiting = record(replace(settings, kind="csv"), 50)
    new = record(settings)
    execute("DELETE FROM schedrace.journal_progress; DELETE FROM schedrace.runs", database_url)
    said: list[str] = []
    replay = BackgroundReplay(open_storage(replace(settings, keep_runs=1), PLUGINS), said.append)
    assert replay.ended(20.0)
    assert here(settings) == {new}
    assert len(said) == 1 and waiting in said[0]
    purged = "SELECT run FROM schedrace.runs WHERE purged_at IS NOT NULL"
    assert execute(purged, database_url) == [(waiting,)]


def test_who_starts_a_race_waits_for_none_of_it_and_hears_of_it_at_the_end(settings: StorageSettings) -> None:
    runs = [record(settings, days) for days in (30, 20, 10)]
    settings = replace(settings, keep_days=15)
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 60))
    until = time.monotonic() + 20.0
    while len(here(settings)) > 2 and time.monotonic() < until:
        time.sleep(0.01)
    recorder.result(RaceResult("digest", 60, (), True))
    status = recorder.close()
    assert here(settings) == {runs[2], recorder.header.run}
    assert (status.rows_written, status.problem) == (60, None)
    assert status.cleaned_up.startswith("2 runs were cleaned up")


def test_by_default_nothing_is_even_looked_at(settings: StorageSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    run = record(settings, 1000)
    monkeypatch.setattr("persistence.retention.clean_by_retention", lambda *_: pytest.fail("it was asked"))
    replay = BackgroundReplay(open_storage(settings, PLUGINS), lambda sentence: pytest.fail(sentence))
    assert replay.ended(20.0)
    assert here(settings) == {run}


def test_it_stops_after_the_run_in_hand(stored: StorageSettings) -> None:
    runs = [record(stored, days) for days in (40, 30, 20)]
    asked = threading.Event()

    def once() -> bool:
        first = not asked.is_set()
        asked.set()
        return first

    assert clean_by_retention(replace(stored, keep_runs=1), once) is not None
    assert here(stored) == set(runs[1:])
    shutil.rmtree(stored.runs_dir)
