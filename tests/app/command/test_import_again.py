"""Runs that were cleaned up and are imported again: they are wanted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.command.conftest import Command
from tests.app.command.test_export import CSV, RACE, export
from tests.app.command.test_import_runs import Execute, imported, rows_of


def test_a_run_that_was_cleaned_up_comes_back(
    schedrace: Command, data_dir: Callable[[str], Path], tmp_path: Path, database_url: str, execute: Execute
) -> None:
    data_dir("mine")
    run = json.loads(schedrace(*RACE, "--db-url", database_url).out)["run"]
    export(schedrace, tmp_path / "out", "--db-url", database_url)
    before = rows_of(execute, database_url)
    execute("DELETE FROM schedrace.scheduler_results", database_url)
    shutil.rmtree(data_dir("mine"))
    for table in ("training_data", "metrics", "tasks", "run_summary"):
        execute(f"DELETE FROM schedrace.{table}", database_url)
    execute("UPDATE schedrace.runs SET purged_at = now()", database_url)
    assert json.loads(schedrace("history", "--json", "--db-url", database_url).out) == {"runs": []}
    answer = imported(schedrace, tmp_path / "out", "--db-url", database_url)
    assert answer["imported"][0]["new"] and answer["imported"][0]["run"] == run
    assert rows_of(execute, database_url) == before


def test_a_run_that_was_cleaned_up_is_safe_when_it_is_imported_in_no_databases_sight(
    schedrace: Command,
    data_dir: Callable[[str], Path],
    tmp_path: Path,
    database_url: str,
    execute: Execute,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database, which still says that the run is gone for good, learns of it when it is asked again."""
    runs_dir = data_dir("mine")
    in_database = ("--storage", "postgresql")
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", database_url)
    run = json.loads(schedrace(*RACE, *in_database).out)["run"]
    export(schedrace, tmp_path / "out", *in_database)
    before = rows_of(execute, database_url)
    assert schedrace("cleanup", run, "--yes", *in_database).status == 0
    for _ in range(2):  # the second time it is here already
        assert schedrace("import-runs", tmp_path / "out", *CSV).status == 0

    listed = json.loads(schedrace("history", "--json", *in_database).out)["runs"]
    assert [(row["run"], row["storage"]) for row in listed] == [(run, "csv")]
    assert json.loads(schedrace("history", run, "--json", *in_database).out)["schedulers"][0]["tasks"] == 60
    said = schedrace("cleanup", "--older-than", 0, run, "--yes", *in_database)
    assert said.status == 1 and "has not arrived in the database" in said.out
    assert (runs_dir / run / "run.json").exists()

    assert imported(schedrace, *in_database)["shipped"]["runs"] == 1
    assert rows_of(execute, database_url) == before
    assert schedrace("cleanup", run, "--yes", *in_database).status == 0  # and from then on it may go again
    assert not (runs_dir / run).exists()


def test_a_run_that_is_cleaned_up_elsewhere_after_its_import_has_arrived_stays_gone(
    schedrace: Command, data_dir: Callable[[str], Path], tmp_path: Path, database_url: str, execute: Execute
) -> None:
    run = json.loads(schedrace(*RACE, "--db-url", database_url).out)["run"]
    export(schedrace, tmp_path / "out", *CSV)
    assert schedrace("import-runs", tmp_path / "out", *CSV).status == 0  # all of it is in the database before
    assert imported(schedrace, "--db-url", database_url)["shipped"]["rows"] == 0
    runs_dir = data_dir("elsewhere")
    assert schedrace("cleanup", run, "--yes", "--db-url", database_url).status == 0
    runs_dir = data_dir("mine")
    assert imported(schedrace, "--db-url", database_url)["shipped"]["rows"] == 0
    assert schedrace("cleanup", "--keep", 100, "--yes", "--db-url", database_url).status == 0
    assert not (runs_dir / run).exists()
