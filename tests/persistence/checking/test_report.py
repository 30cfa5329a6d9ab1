from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from persistence.checking import machine
from persistence.checking.journals import Counted, count_journals, rows_before, rows_counted
from persistence.checking.report import CheckReport, JournalCheck, check_database
from persistence.journal.files import Journal
from persistence.journal.rows import result_rows, timestamp
from persistence.recording.recorder import Recorder
from persistence.recording.wanted_again import want_again
from persistence.schema import SCHEMA_VERSION
from persistence.settings import JOURNAL_SYNC, StorageSettings
from persistence.storage import CLEANED_UP, StoragePlugin, open_storage
from plugins.registry import load_registry
from plugins.template import new_plugin
from tests.persistence.records import DEVICES, PLUGINS, finished, header


def record(settings: StorageSettings, plugins: Mapping[str, type[StoragePlugin]] = PLUGINS) -> str:
    recorder = Recorder(open_storage(settings, plugins), header())
    recorder.finished(finished(0, 70))
    recorder.close()
    return recorder.header.run


def detail_of(report: CheckReport, name: str) -> str:
    return next(line.detail for line in report.checks if line.name == name)


def test_a_database_that_holds_every_journal_is_healthy(settings: StorageSettings) -> None:
    run = record(settings)
    report = check_database(settings, PLUGINS)
    assert report.healthy
    assert (report.storage, report.schema_version) == ("postgresql", SCHEMA_VERSION)
    assert report.tables["scheduler_results"] == 70
    assert [(j.run, j.rows, j.in_database, j.missing) for j in report.journals] == [(run, 70, 70, 0)]
    assert json.loads(json.dumps(report.as_json()))["journals"][0]["rejected"] == 0
    assert {"storage", "server", "user", "schema", "tables", "indexes", "write test", "arrived"} <= {
        line.name for line in report.checks
    }


def test_rows_of_a_run_that_was_cleaned_up_are_missing_only_where_it_is_wanted_again(settings: StorageSettings) -> None:
    run = record(settings)
    (journal,) = count_journals(open_storage(settings, PLUGINS))
    gone = {run: {CLEANED_UP: 1, "scheduler_results": journal.reader.sizes()["scheduler_results"]}}
    ways = (rows_counted(Counted(), gone), rows_before(gone))
    assert [stored(journal) for stored in ways] == [70, 70]
    want_again(journal.reader.folder)
    assert [stored(journal) for stored in ways] == [0, 0]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("each", "ms; asked for with each batch (journal_sync = each)"),
        ("group", "ms; asked for at most every 50 ms (journal_sync = group)"),
        ("system", "ms; asked for before rows are shipped and at the end (journal_sync = system)"),
    ],
)
def test_the_policy_of_the_journal_is_named(tmp_path: Path, policy: str, said: str) -> None:
    report = check_database(StorageSettings("csv", data_dir=tmp_path, journal_sync=policy), PLUGINS)
    assert detail_of(report, "fdatasync").endswith(said)


def test_a_slow_disk_is_worth_a_word_only_where_each_batch_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "sync_latency_s", lambda folder: 0.03)
    lines = [machine.sync_line(StorageSettings(data_dir=tmp_path, journal_sync=policy)) for policy in JOURNAL_SYNC]
    assert [line.status for line in lines] == ["warn", "ok", "ok"]
    assert "choose 'group' in the settings" in lines[0].advice


def test_runs_that_were_cut_are_counted(settings: StorageSettings) -> None:
    assert detail_of(check_database(settings, PLUGINS), "cut runs") == "none"
    record(settings), record(settings)
    report = check_database(settings, PLUGINS)
    assert report.healthy
    assert detail_of(report, "cut runs").startswith("2 of 2 before their end; the last: ")


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
    run = record(StorageSettings("csv", data_dir=tmp_path))
    settings = StorageSettings("auto", data_dir=tmp_path).with_url("postgresql://me:secret@localhost:1/x", "the test")
    report = check_database(settings, PLUGINS)
    assert not report.healthy
    assert report.journals == (JournalCheck(run, 70, 0, 0, 0, unknown=70),)
    assert [(each["in_database"], each["missing"]) for each in report.as_json()["journals"]] == [(None, None)]
    (arrived,) = [line for line in report.checks if line.name == "arrived"]
    assert "70 rows of 1 journal have arrived is not known" in arrived.detail and arrived.status == "fail"
    assert "schedrace import-runs" in arrived.advice
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


@pytest.fixture
def own_storage(tmp_path: Path) -> dict[str, type[StoragePlugin]]:
    """The storages, with the one that ``schedrace plugins new --kind storage`` writes."""
    new_plugin(tmp_path / "plugins", "my_storage", "storage")
    return dict(load_registry(tmp_path / "plugins").storages)


def test_a_storage_of_ones_own_that_holds_every_journal_is_healthy(
    tmp_path: Path, own_storage: dict[str, type[StoragePlugin]]
) -> None:
    settings = StorageSettings("my_storage", data_dir=tmp_path)
    run = record(settings, own_storage)
    report = check_database(settings, own_storage)
    assert report.healthy, report.checks
    assert report.storage == "my_storage"
    assert report.journals == (JournalCheck(run, 70, 70, 0, 0),)
    assert "1 are over" in detail_of(report, "runs")


def test_a_storage_of_ones_own_is_asked_how_far_it_has_got(
    tmp_path: Path, own_storage: dict[str, type[StoragePlugin]]
) -> None:
    settings = StorageSettings("my_storage", data_dir=tmp_path)
    run = record(settings, own_storage)
    journal = Journal(settings.runs_dir / run)  # held, so that nothing is brought in
    journal.append({"scheduler_results": result_rows([(finished(70, 30), timestamp())], DEVICES)})
    report = check_database(settings, own_storage)
    journal.close()
    assert report.healthy
    assert report.journals == (JournalCheck(run, 100, 70, 0, 0, under_way=30),)
    report = check_database(settings, own_storage)
    assert report.healthy
    assert report.journals == (JournalCheck(run, 100, 100, 0, 0),)
    assert "30 rows of 1 earlier run." in detail_of(report, "replay")


def test_a_storage_that_forgets_how_a_run_ended_is_named(
    tmp_path: Path, own_storage: dict[str, type[StoragePlugin]]
) -> None:
    class Forgetful(own_storage["my_storage"]):  # type: ignore[misc]
        def finish(self, run: str, result: object) -> None:
            pass

    plugins = {**own_storage, "my_storage": Forgetful}
    settings = StorageSettings("my_storage", data_dir=tmp_path)
    run = record(settings, plugins)
    report = check_database(settings, plugins)
    assert not report.healthy
    assert report.journals[0].missing == 0
    assert run in detail_of(report, "runs")


def test_a_storage_with_a_defect_is_a_finding(tmp_path: Path, own_storage: dict[str, type[StoragePlugin]]) -> None:
    class Broken(own_storage["my_storage"]):  # type: ignore[misc]
        def offsets(self) -> dict[str, dict[str, int]]:
            raise ZeroDivisionError("a defect")

    settings = StorageSettings("my_storage", data_dir=tmp_path)
    record(settings, own_storage)
    report = check_database(settings, {**own_storage, "my_storage": Broken})
    assert not report.healthy
    assert "ZeroDivisionError" in detail_of(report, "server")


def test_a_superuser_is_shown_the_script_that_makes_roles(settings: StorageSettings) -> None:
    (user,) = [check for check in check_database(settings, PLUGINS).checks if check.name == "user"]
    assert user.status == "warn"
    script = user.advice.removeprefix("Give SchedRace a role of its own: ").removesuffix(" makes them.")
    assert "CREATE ROLE" in Path(script).read_text()
