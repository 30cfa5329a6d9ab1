"""The end of a recording: what is left is brought home, and nobody waits long for who is silent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from persistence.errors import JournalError
from persistence.journal import files
from persistence.journal.files import Journal
from persistence.journal.reader import JournalReader
from persistence.recording import recorder as recorder_module
from persistence.recording.recorder import PATIENCE_S, Recorder
from persistence.recording.shipping import CHUNK_BYTES, FIRST_CHUNK_BYTES, ship
from persistence.settings import StorageSettings
from persistence.storage import Storage, Taken, open_storage
from plugins.storage.csv import CsvStorage
from tests.persistence.recording.test_recorder import race_result
from tests.persistence.records import PLUGINS, finished, header

NOBODY_WAITS_LONGER_S = 5.0


class Silent(CsvStorage):
    """Takes rows and does not answer until the test is over."""

    name = "silent"
    over: ClassVar[threading.Event]
    asked: ClassVar[threading.Event]

    def take(self, run: str, table: str, rows: bytes, end: int) -> Taken:
        self.asked.set()
        self.over.wait(30.0)
        return super().take(run, table, rows, end)

    def begin(self, header: object) -> Mapping[str, int]:
        return {}


def test_who_closes_waits_for_a_silent_storage_less_than_five_seconds(tmp_path: Path) -> None:
    Silent.over, Silent.asked = threading.Event(), threading.Event()
    recorder = Recorder(Storage(StorageSettings("silent", data_dir=tmp_path), Silent, "a test"), header())
    recorder.finished(finished(0, 60))
    assert Silent.asked.wait(10.0)
    began = time.monotonic()
    status = recorder.close()
    assert PATIENCE_S < time.monotonic() - began < NOBODY_WAITS_LONGER_S
    assert JournalReader(tmp_path / "runs" / recorder.header.run).rows("scheduler_results") == 60
    Silent.over.set()
    assert status.rows_lost == 0


def refusing(monkeypatch: pytest.MonkeyPatch, refuses: Callable[[], bool]) -> threading.Event:
    """Let the journal's disk refuse rows while somebody says so; the event says that it did."""
    refused = threading.Event()
    append = Journal.append

    def full(journal: Journal, batch: Mapping[str, bytes]) -> None:
        if refuses():
            refused.set()
            raise JournalError("The disk is full.")
        append(journal, batch)

    monkeypatch.setattr(Journal, "append", full)
    return refused


def test_a_disk_that_is_freed_while_the_recorder_closes_takes_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    full.set()
    refused = refusing(monkeypatch, full.is_set)
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path), PLUGINS), header())
    recorder.finished(finished(0, 60))
    assert refused.wait(10.0)
    freed = threading.Timer(0.5, full.clear)
    freed.start()
    status = recorder.close()
    freed.join()
    assert (status.rows_written, status.rows_pending, status.rows_lost, status.problem) == (60, 0, 0, None)
    assert JournalReader(tmp_path / "runs" / recorder.header.run).rows("scheduler_results") == 60


def test_a_disk_that_stays_full_costs_less_than_five_seconds_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refusing(monkeypatch, lambda: True)
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path), PLUGINS), header())
    recorder.finished(finished(0, 60))
    assert refused.wait(10.0)
    began = time.monotonic()
    status = recorder.close()
    assert time.monotonic() - began < NOBODY_WAITS_LONGER_S
    assert (status.rows_written, status.rows_lost) == (0, 60)
    assert str(status.problem).startswith("The disk is full. Rows that had not been written are lost. 'schedrace race")


def test_a_run_whose_result_alone_has_no_room_has_lost_no_row_and_counts_as_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 0.3)

    def full(_journal: Journal, result: object) -> None:
        raise JournalError("The disk is full.")

    monkeypatch.setattr(Journal, "write_result", full)
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path), PLUGINS), header())
    recorder.finished(finished(0, 60))
    recorder.result(race_result(tasks=60))
    status = recorder.close()
    assert (status.rows_written, status.rows_pending, status.rows_lost, status.stopped) == (60, 0, 0, True)
    assert f"'schedrace race --resume {recorder.header.run}' finishes the run" in str(status.problem)


def test_rows_that_a_disk_which_does_not_answer_holds_up_are_lost_when_the_recorder_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 0.3)
    asked, over = threading.Event(), threading.Event()

    def stall(_journal: Journal, _batch: Mapping[str, bytes]) -> None:
        asked.set()
        over.wait(20.0)
        raise JournalError("The disk is full.")

    monkeypatch.setattr(Journal, "append", stall)
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path), PLUGINS), header())
    recorder.finished(finished(0, 60))
    assert asked.wait(10.0)
    recorder.finished(finished(60, 60))
    status = recorder.close()
    assert (status.rows_written, status.rows_pending, status.rows_lost) == (0, 0, 120)
    assert "does not take rows in time. Rows that had not been written are lost." in str(status.problem)
    over.set()


def test_a_writer_that_the_disk_lets_go_of_too_late_leaves_a_journal_alone_that_another_may_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 0.3)
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path), PLUGINS), header())
    recorder.finished(finished(0, 60))
    while recorder.status().rows_written < 60:
        time.sleep(0.01)
    stalled, moving = threading.Event(), threading.Event()

    def stall(descriptor: int) -> None:
        if not stalled.is_set():
            stalled.set()
            moving.wait(20.0)
        os.fsync(descriptor)

    monkeypatch.setattr(files, "_sync", stall)
    recorder.finished(finished(60, 60))
    assert stalled.wait(10.0)
    recorder.finished(finished(120, 60))
    recorder.close()
    another = Journal(tmp_path / "runs" / recorder.header.run)
    sizes = another.sizes()
    moving.set()
    while any(thread.name == f"journal {recorder.header.run}" for thread in threading.enumerate()):
        time.sleep(0.01)
    assert another.sizes() == sizes
    assert another.result() is None
    another.close()
    status = recorder.status()
    assert status.rows_lost == 60
    assert "does not take rows in time. Rows that had not been written are lost." in str(status.problem)


class Slow(CsvStorage):
    """A storage at the end of a slow line (bytes a second); the clock of the test goes on as long as it needs."""

    def __init__(self, settings: StorageSettings, bytes_per_s: float) -> None:
        super().__init__(settings)
        self.sizes: list[int] = []
        self.now_s = 0.0
        self._bytes_per_s = bytes_per_s

    def take(self, run: str, table: str, rows: bytes, end: int) -> Taken:
        self.sizes.append(len(rows))
        self.now_s += len(rows) / self._bytes_per_s
        return Taken(rows.count(b"\n"))


@pytest.mark.parametrize(("bytes_per_s", "largest"), [(1e9, CHUNK_BYTES), (2e4, FIRST_CHUNK_BYTES), (4e5, 4e5)])
def test_chunks_are_as_large_as_the_line_to_the_storage_carries_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_per_s: float, largest: float
) -> None:
    """A call that lasts 3 s is taken for a dead connection: chunks that need longer would be tried for ever."""
    journal = Journal.create(tmp_path, replace(header(), tasks=50_000))
    line = b'"mct",1,0.5,0.5,0.75,"cpu-0=1",0.0,1.0,0.0,2026-01-01T00:00:00Z\n'
    journal.append({"scheduler_results": line * (6 * CHUNK_BYTES // len(line))})
    slow = Slow(StorageSettings("csv", data_dir=tmp_path), bytes_per_s)
    monkeypatch.setattr(time, "monotonic", lambda: slow.now_s)
    ship(slow, journal, {}, lambda _table, _taken: None, lambda: True)
    journal.close()
    assert sum(slow.sizes) == journal.sizes()["scheduler_results"] - journal.first("scheduler_results")
    assert 0.5 * largest < max(slow.sizes) <= largest
    assert max(slow.sizes) / bytes_per_s <= max(1.0, FIRST_CHUNK_BYTES / bytes_per_s)
