"""What a power cut may take, by the policy that the settings choose; and a journal that has lost its end is mended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from persistence.journal import files
from persistence.journal.files import GROUP_S, Journal
from persistence.journal.reader import JournalReader
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.run import RunHeader
from persistence.settings import JOURNAL_SYNC, StorageSettings
from persistence.storage import StoragePlugin, Taken, open_storage
from plugins.storage.csv import CsvStorage
from tests.persistence.recording.test_resuming import TASKS, _part, cut, of_two, race, recorded, resumed, tasks, the_end
from tests.persistence.records import PLUGINS, finished, header

Execute = Callable[..., list[tuple[object, ...]]]
Durable = dict[int, int]
BATCH = 50


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> Durable:
    """How many bytes of each file (by inode) the disk has been told to keep."""
    sizes: Durable = {}
    sync = files._sync

    def remembering(descriptor: int) -> None:
        about = os.fstat(descriptor)
        sync(descriptor)
        sizes[about.st_ino] = about.st_size

    monkeypatch.setattr(files, "_sync", remembering)
    return sizes


def kept(durable: Durable, path: Path) -> int:
    return durable.get(path.stat().st_ino, 0)


class Elsewhere(CsvStorage):
    """A storage that rows leave the journal for; it remembers what it took that a power cut could have taken back."""

    name = "elsewhere"
    is_journal = False
    too_early: list[tuple[str, int, int]]
    durable: Durable
    begun: RunHeader

    def begin(self, header: RunHeader) -> Mapping[str, int]:
        type(self).begun = header
        return {}

    def take(self, run: str, table: str, rows: bytes, end: int) -> Taken:
        path = self.settings.runs_dir / run / f"{table}.csv"
        if kept(self.durable, path) < end:
            self.too_early.append((table, end, kept(self.durable, path)))
        return super().take(run, table, rows, end)


@pytest.mark.parametrize("policy", JOURNAL_SYNC)
def test_nothing_is_shipped_before_it_is_durable_and_at_the_end_everything_is(
    tmp_path: Path, durable: Durable, policy: str
) -> None:
    plugins: Mapping[str, type[StoragePlugin]] = {"elsewhere": Elsewhere}
    Elsewhere.too_early, Elsewhere.durable = [], durable
    settings = StorageSettings("elsewhere", data_dir=tmp_path, journal_sync=policy)
    recorder = Recorder(open_storage(settings, plugins), of_two())
    race(recorder, 7)
    recorder.result(the_end())
    assert recorder.close().rows_written == 2 * TASKS
    folder = settings.runs_dir / recorder.header.run
    assert Elsewhere.too_early == []
    assert {table: kept(durable, folder / f"{table}.csv") for table in JournalReader(folder).sizes()} == dict(
        JournalReader(folder).sizes()
    )


@pytest.mark.parametrize(("policy", "at_once"), [("each", True), ("group", False), ("system", False)])
def test_a_batch_is_durable_at_once_only_where_that_was_chosen(
    tmp_path: Path, durable: Durable, policy: str, at_once: bool
) -> None:
    journal = Journal.create(tmp_path, header(), policy)
    journal.append({"scheduler_results": b"a\n"})  # the first of a group is
    journal.append({"scheduler_results": b"b\n"})
    path = journal.path("scheduler_results")
    assert (kept(durable, path) == path.stat().st_size) is at_once
    journal.write_result({"status": "finished"})
    assert kept(durable, path) == path.stat().st_size
    journal.close()


def test_a_group_is_durable_soon_although_nothing_follows(tmp_path: Path, durable: Durable) -> None:
    settings = StorageSettings("csv", data_dir=tmp_path, journal_sync="group")
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    path = settings.runs_dir / recorder.header.run / "scheduler_results.csv"
    for first in range(0, 10 * BATCH, BATCH):
        recorder.finished(finished(first, BATCH))
        assert recorder.sync()
    until = time.monotonic() + 20 * GROUP_S
    while kept(durable, path) < path.stat().st_size and time.monotonic() < until:
        time.sleep(0.005)
    assert kept(durable, path) == path.stat().st_size
    recorder.close()


def test_left_to_the_system_the_disk_is_not_asked_while_the_journal_is_all_there_is(
    tmp_path: Path, durable: Durable
) -> None:
    settings = StorageSettings("csv", data_dir=tmp_path, journal_sync="system")
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    for first in range(0, 10 * BATCH, BATCH):
        recorder.finished(finished(first, BATCH))
        assert recorder.sync()
    assert durable == {}
    status = recorder.close()
    assert (status.rows_written, status.rows_pending) == (10 * BATCH, 0)
    path = settings.runs_dir / recorder.header.run / "scheduler_results.csv"
    assert kept(durable, path) == path.stat().st_size


def stored(database_url: str, execute: Execute) -> list[tuple[object, ...]]:
    query = "SELECT scheduler, task FROM schedrace.scheduler_results ORDER BY scheduler, task"
    return execute(query, database_url)


def lose_the_end(folder: Path, share: float = 0.5) -> None:
    for table, size in JournalReader(folder).sizes().items():
        cut(folder, table, int(share * size))


def half_a_race(settings: StorageSettings) -> Path:
    """A race that is killed at half of it; the database has all of that."""
    recorder = Recorder(open_storage(settings, PLUGINS), of_two())
    recorder.tasks(tasks())
    for first in range(0, TASKS // 2, 10):
        for name in ("mct", recorder.header.schedulers[1]):
            recorder.finished(_part(name, first, 10))
            assert recorder.sync()
    recorder.close()
    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 1
    return settings.runs_dir / recorder.header.run


def test_a_journal_that_lost_its_end_comes_again_once_and_changes_nothing_in_the_database(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    folder = half_a_race(settings)
    before = stored(database_url, execute)
    lose_the_end(folder)
    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 1
    assert stored(database_url, execute) == before
    assert len(before) == TASKS
    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 0


@pytest.mark.parametrize("share", [0.9, 0.3, 0.0])
def test_a_race_whose_journal_lost_its_end_is_resumed_with_each_row_once(
    settings: StorageSettings, database_url: str, execute: Execute, share: float
) -> None:
    """The database has rows that the journal lost; raced again, they have other places and times in the journal."""
    folder = recorded(settings)
    lose_the_end(folder, share)
    recorder = resumed(settings, folder)
    recorder.tasks(tasks())
    race(recorder, 13)
    recorder.result(the_end())
    assert recorder.close().problem is None
    assert_each_row_once(folder, stored(database_url, execute), 2 * TASKS)
    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 0


@pytest.mark.parametrize("share", [0.9, 0.3])
def test_so_it_is_when_the_database_is_away_meanwhile_and_the_race_is_killed_once_more(
    settings: StorageSettings, database_url: str, execute: Execute, share: float
) -> None:
    """The journal grows beyond what the database believes to have, with other bytes: nothing may be taken for it."""
    folder = half_a_race(settings)
    lose_the_end(folder, share)
    away = settings.with_url("postgresql://me@localhost:1/x", "the test")
    recorder = resumed(replace(away, journal_sync="system"), folder)
    recorder.tasks(tasks())
    race(recorder, 13)
    recorder.close(1.0)  # without a result: it was killed before its end

    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 1
    assert_each_row_once(folder, stored(database_url, execute), 2 * TASKS)
    assert not list(folder.glob("*.rejected.csv"))

    again = resumed(settings, folder)
    again.tasks(tasks())
    race(again, 8)
    again.result(the_end())
    assert again.close().problem is None
    assert_each_row_once(folder, stored(database_url, execute), 2 * TASKS)
    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 0


def assert_each_row_once(folder: Path, in_database: list[tuple[object, ...]], rows: int) -> None:
    assert JournalReader(folder).rows("scheduler_results") == rows
    assert len(in_database) == len(set(in_database)) == rows
