"""The clock that rows are stamped with never goes back, whatever the machine's does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from persistence.journal.files import Journal
from persistence.journal.rows import result_rows, sample_rows, timestamp
from persistence.recording.clock import ForwardClock, last_recorded
from persistence.recording.recorder import Recorder
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import DEVICES, PLUGINS, finished, header, training_log


def test_while_a_clock_that_was_set_back_is_behind_the_time_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = iter([1000.0, 1001.0, 400.0, 401.0, 1002.0])
    monkeypatch.setattr(time, "time", lambda: next(wall))
    clock = ForwardClock(datetime.fromtimestamp(999.0, UTC))
    assert [clock.now() for _ in range(5)] == [1000.0, 1001.0, 1001.0, 1001.0, 1002.0]


def test_nothing_is_older_than_the_start_of_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    monkeypatch.setattr(time, "time", lambda: start.timestamp() - 3600.0)
    assert ForwardClock(start).date() == start


def test_a_run_that_goes_on_is_stamped_behind_its_last_row_though_the_clock_was_set_back(tmp_path: Path) -> None:
    settings = StorageSettings("csv", data_dir=tmp_path)
    run = header()
    ahead = run.started_at + timedelta(hours=2)
    journal = Journal.create(settings.runs_dir, run)
    assert last_recorded(journal, run.started_at) == run.started_at
    journal.append({"scheduler_results": result_rows([(finished(0, 30), timestamp(ahead))], DEVICES)})
    samples = training_log(300).latest(300, 300)
    journal.append({"training_data": sample_rows([("mct", samples, timestamp(ahead - timedelta(hours=1)))])})
    assert last_recorded(journal, run.started_at) == ahead
    recorder = Recorder(open_storage(settings, PLUGINS), run, journal)
    recorder.finished(finished(30, 30))
    recorder.close()
    lines = (settings.runs_dir / run.run / "scheduler_results.csv").read_text().splitlines()
    assert lines[-1].endswith(f'"{timestamp(ahead)}"')
