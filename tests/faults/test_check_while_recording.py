"""``check-db`` looks at the storage while another process records a race."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from persistence.checking.report import check_database
from persistence.settings import StorageSettings
from tests.faults.conftest import Server
from tests.persistence.records import PLUGINS

PROGRAM = Path(__file__).with_name("recording_program.py")
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def locked(server: Server) -> Iterator[psycopg2.extensions.connection]:
    """Somebody who will lock the table of results."""
    somebody = psycopg2.connect(server.url.replace("+psycopg2", ""))
    yield somebody
    somebody.close()


@pytest.fixture
def race(
    server: Server, settings: StorageSettings, locked: psycopg2.extensions.connection
) -> Iterator[subprocess.Popen[str]]:
    """A race of another process, of which some rows have arrived, and many cannot because of the lock."""
    process = subprocess.Popen(
        [sys.executable, PROGRAM, settings.data_dir, server.url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        wait_for_rows(server)
        with locked.cursor() as cursor:
            cursor.execute("LOCK TABLE schedrace.scheduler_results IN SHARE MODE")
        wait_for_journal(settings)
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_rows(server: Server) -> None:
    until = time.monotonic() + 6.0
    while server.execute("SELECT count(*) > 0 FROM schedrace.scheduler_results") != [(True,)]:
        assert time.monotonic() < until, "no row has arrived"


def wait_for_journal(settings: StorageSettings) -> None:
    """Wait until the journal holds rows that the lock keeps out of the database."""
    until = time.monotonic() + 6.0
    while not any(journal.under_way for journal in check_database(settings, PLUGINS).journals):
        assert time.monotonic() < until, "no row was written after the lock"


def check_db(settings: StorageSettings) -> subprocess.CompletedProcess[str]:
    where = {"SCHEDRACE_DATA_DIR": str(settings.data_dir), "SCHEDRACE_DATABASE_URL": str(settings.url)}
    return subprocess.run(
        [sys.executable, "-m", "app", "check-db"],
        cwd=REPOSITORY,
        env={**os.environ, **where},
        capture_output=True,
        text=True,
    )


def test_rows_of_a_race_that_is_being_written_are_on_their_way_and_no_fault(
    race: subprocess.Popen[str], settings: StorageSettings
) -> None:
    report = check_database(settings, PLUGINS)
    (journal,) = report.journals
    assert journal.under_way > 0 and journal.missing == 0
    assert journal.in_database + journal.under_way == journal.rows
    (line,) = [line for line in report.checks if line.name == "under way"]
    assert (line.status, line.detail) == (
        "ok",
        f"A race is being written: {journal.under_way:,} rows are on their way.",
    )
    assert report.healthy

    said = check_db(settings)
    assert (said.returncode, said.stderr) == (0, "")
    assert re.search(r"A race is being written: [\d,]+ rows are on their way\.", said.stdout)
    assert re.search(r"[1-9][\d,]* are on their way, 0 are missing", said.stdout)
    assert "\nHealthy:" in said.stdout


def test_rows_of_a_race_that_was_killed_are_missing_until_they_can_be_shipped(
    race: subprocess.Popen[str], locked: psycopg2.extensions.connection, settings: StorageSettings
) -> None:
    race.kill()
    race.wait()
    report = check_database(settings, PLUGINS)
    assert not report.healthy
    assert report.journals[0].missing > 0 and report.journals[0].under_way == 0
    locked.rollback()
    report = check_database(settings, PLUGINS)
    assert report.healthy, report.checks
    assert (report.journals[0].missing, report.journals[0].under_way) == (0, 0)
