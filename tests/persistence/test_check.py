from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from persistence.check import check_database
from persistence.journal import Journal
from persistence.recorder import Recorder
from persistence.rows import result_rows, timestamp
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import DEVICES, PLUGINS, finished, header


def record(settings: StorageSettings) -> str:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 70))
    recorder.close()
    return recorder.header.run


def test_a_database_that_holds_every_journal_is_healthy(settings: StorageSettings) -> None:
    run = record(settings)
    report = check_database(settings, PLUGINS)
    assert report.healthy
    assert (report.storage, report.schema_version, report.tables["scheduler_results"]) == ("postgresql", "0001", 70)
    assert [(j.run, j.rows, j.in_database, j.missing) for j in report.journals] == [(run, 70, 70, 0)]
    assert json.loads(json.dumps(report.as_json()))["journals"][0]["rejected"] == 0
    assert {"storage", "server", "user", "schema", "tables", "indexes", "write test", "arrived"} <= {
        line.name for line in report.checks
    }


def test_what_a_dead_program_left_behind_is_brought_in_first(settings: StorageSettings) -> None:
    journal = Journal.create(settings.runs_dir, header())
    journal.append({"scheduler_results": result_rows([(finished(0, 70), timestamp())], DEVICES)})
    journal.close()
    report = check_database(settings, PLUGINS)
    assert report.healthy
    assert (report.journals[0].in_database, report.journals[0].missing) == (70, 0)


def test_a_row_that_vanished_from_the_database_is_missed(
    settings: StorageSettings, database_url: str, execute: Callable[..., object]
) -> None:
    record(settings)
    execute("DELETE FROM schedrace.scheduler_results WHERE task = 5", database_url)
    report = check_database(settings, PLUGINS)
    assert not report.healthy
    assert report.journals[0].missing == 1


def test_an_unreachable_database_is_unhealthy_and_says_why(tmp_path: Path) -> None:
    settings = StorageSettings("auto", data_dir=tmp_path).with_url("postgresql://me:secret@localhost:1/x", "the test")
    report = check_database(settings, PLUGINS)
    assert not report.healthy
    assert report.storage == "csv"
    assert "secret" not in json.dumps(report.as_json())
    assert any(line.status == "fail" and "refuses connections" in line.detail for line in report.checks)


def test_csv_by_choice_and_no_storage_at_all_are_healthy(tmp_path: Path) -> None:
    settings = StorageSettings("csv", data_dir=tmp_path)
    record(settings)
    report = check_database(settings, PLUGINS)
    assert (report.healthy, report.storage, report.journals[0].missing) == (True, "csv", 0)
    assert check_database(StorageSettings("none", data_dir=tmp_path), PLUGINS).healthy


def test_a_dropped_index_is_named(settings: StorageSettings, database_url: str, execute: Callable[..., object]) -> None:
    record(settings)
    execute("DROP INDEX schedrace.runs_started_at_idx", database_url)
    report = check_database(settings, PLUGINS)
    assert not report.healthy
    assert any("runs_started_at_idx" in line.detail for line in report.checks if line.name == "indexes")
