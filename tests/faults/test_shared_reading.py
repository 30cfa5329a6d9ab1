"""Commands that read share our own PostgreSQL, and the SchedRace that runs it ends under them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from persistence.checking.report import check_database
from persistence.cleaning import CleanedRun
from persistence.embedded.cluster import cluster_folder
from persistence.embedded.keeper import server_url, stop_server
from persistence.exchange.export import export_run
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from plugins.storage.postgresql import PostgresqlStorage
from tests.own_postgresql import put_away
from tests.persistence.races import record_race
from tests.persistence.records import PLUGINS

REPOSITORY = Path(__file__).parents[2]
OWNER = REPOSITORY / "tests" / "persistence" / "embedded" / "embedded_program.py"
TASKS = 60
MANY_TASKS = 5000


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[StorageSettings]:
    yield StorageSettings("auto", data_dir=tmp_path / "data")
    put_away(tmp_path / "data")


@pytest.fixture
def service(settings: StorageSettings) -> Iterator[SimulationDataService]:
    record_race(settings, tasks=TASKS)
    service = SimulationDataService.open(settings)
    assert service.database is not None and service.database.own
    yield service
    service.close()


def stop(settings: StorageSettings) -> None:
    """Stop the server as its owner does when it ends, and wait until it is gone."""
    pid_file = cluster_folder(settings.data_dir) / "data" / "postmaster.pid"
    pid = int(pid_file.read_text().splitlines()[0])
    os.kill(pid, signal.SIGINT)
    until = time.monotonic() + 10
    while pid_file.exists() and int(pid_file.read_text().splitlines()[0] or 0) == pid and time.monotonic() < until:
        time.sleep(0.005)


QUESTIONS: dict[str, Callable[[SimulationDataService, str], Any]] = {
    "runs": lambda service, run: service.get_runs(),
    "last": lambda service, run: service.named("last"),
    "summary": lambda service, run: service.get_run_summary(run),
    "statistics": lambda service, run: service.get_scheduler_stats(run, live=True),
    "wins": lambda service, run: service.get_wins(run).schedulers,
    "row counts": lambda service, run: service.get_row_counts(run),
    "tasks": lambda service, run: service.get_tasks(run),
}


def test_what_is_asked_of_a_server_that_has_gone_is_asked_of_the_next_one(
    settings: StorageSettings, service: SimulationDataService
) -> None:
    run = service.named("last")
    for question in QUESTIONS.values():
        before = question(service, run)
        stop(settings)
        assert question(service, run) == before


def test_an_export_begins_anew_where_the_server_goes_in_its_midst(
    settings: StorageSettings, service: SimulationDataService, tmp_path: Path
) -> None:
    run = service.named("last")
    counts = service.get_row_counts(run)
    stops = iter([True, False])
    moved: list[int] = []

    def hears(rows: int) -> None:
        moved.append(rows)
        if next(stops, False):
            stop(settings)

    options: dict[str, Any] = {"kind": "csv", "race_toml": "", "files": {}, "missing": (), "moved": hears}
    exported = export_run(service, run, tmp_path / "out", **options)
    assert exported.rows == counts
    assert moved.count(moved[0]) == 2  # it has begun twice
    assert (tmp_path / "out" / "tasks.csv").read_bytes().count(b"\n") == 1 + TASKS
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_cleaning_up_goes_on_where_the_server_goes_between_two_runs(
    settings: StorageSettings, service: SimulationDataService
) -> None:
    record_race(settings, tasks=TASKS)
    told: list[CleanedRun] = []

    def hears(cleaned: CleanedRun) -> None:
        told.append(cleaned)
        stop(settings)

    service.cleanup_old_data(keep_runs=0, tell=hears)
    assert [(row.kept, row.rows["tasks"]) for row in told] == [(None, TASKS), (None, TASKS)]
    assert service.get_runs() == []


def test_a_check_is_healthy_where_the_server_goes_in_its_midst(
    settings: StorageSettings, service: SimulationDataService
) -> None:
    stops = iter([True, False, False, True])  # while it connects, and when it has connected once more

    class Stopping(PostgresqlStorage):
        def _transaction(self) -> Any:
            if next(stops, False):
                stop(settings)
            return super()._transaction()

    report = check_database(settings, {**PLUGINS, "postgresql": Stopping})
    assert report.healthy and len(report.journals) == 1
    assert next(stops, None) is None


def test_an_export_in_a_process_outlives_the_process_that_ran_the_server(
    settings: StorageSettings, tmp_path: Path
) -> None:
    run = record_race(settings, tasks=MANY_TASKS)
    stop_server(settings.data_dir)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SCHEDRACE_DATA_DIR": str(settings.data_dir)}
    owner = subprocess.Popen(
        [sys.executable, OWNER, settings.data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert owner.stdin is not None and owner.stdout is not None
    owner.stdin.write(b"url\n")
    owner.stdin.flush()
    url = owner.stdout.readline().decode().strip()
    command = [sys.executable, "-m", "app", "export", run, "--out", tmp_path / "out", "--json"]
    export = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=REPOSITORY, text=True
    )
    while export.poll() is None and not any(path.stat().st_size for path in tmp_path.glob("out.*.part/tasks.csv")):
        time.sleep(0.001)
    export.send_signal(signal.SIGSTOP)  # it might be over before the server is
    owner.communicate()
    assert not (tmp_path / "out").exists()
    export.send_signal(signal.SIGCONT)
    out, errors = export.communicate(timeout=60)
    assert (export.returncode, errors) == (0, "")
    assert json.loads(out)["rows"]["tasks"] == MANY_TASKS
    assert server_url(settings.data_dir) != url
