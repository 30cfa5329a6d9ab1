"""No call on a database can hang: each limit is in force, and a server that falls silent in any call is given up."""

from __future__ import annotations

import inspect
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.errors
import pytest
from sqlalchemy import text

from persistence.archive import RunArchive
from persistence.checking.server import server_facts
from persistence.cleaning import DatabaseCleaner
from persistence.database import archive, opening, snapshot, watchdog
from persistence.database.archive import DatabaseArchive
from persistence.database.connection import engine_for
from persistence.database.opening import Database, open_database
from persistence.errors import StorageError
from persistence.recording.recorder import Recorder
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from persistence.window import TrainingReader
from tests.faults.conftest import Server
from tests.persistence.records import PLUGINS, finished, header, training_log

LIMIT_S = 0.3
AT_MOST_S = 2.0
THAWED_AFTER_S = 6.0


class FallsSilent(Database):
    """A database whose server stops answering as soon as a connection is open."""

    def connect(self) -> Any:
        connection = super().connect()
        pid = connection.driver_connection.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        frozen.append(pid)
        return connection


frozen: list[int] = []


@pytest.fixture
def run(server: Server, settings: StorageSettings) -> str:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 100))
    recorder.samples("mct", training_log(100).latest(10**9, 10**9))
    recorder.close()
    return recorder.header.run


@pytest.fixture
def silent(run: str, settings: StorageSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FallsSilent]:
    """With limits of a test instead of 3 to 20 s; whoever has none is thawed some time later, and fails."""
    for module in (opening, snapshot):
        monkeypatch.setattr(module, "limited", lambda connection, _: watchdog.limited(connection, LIMIT_S))
    thaw = threading.Timer(THAWED_AFTER_S, _thaw)
    thaw.start()
    database = open_database(settings)
    try:
        yield FallsSilent(database.url, database.engine, database.kind, database.where)
    finally:
        thaw.cancel()
        _thaw()


def _thaw() -> None:
    while frozen:
        os.kill(frozen.pop(), signal.SIGCONT)


@contextmanager
def given_up() -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(StorageError, match="The database postgresql://"):
        yield
    assert time.monotonic() - began < AT_MOST_S


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "runs": (10,),
    "metric": ("mct", "backlog"),
    "tasks": (0, 100),
}
QUESTIONS = [name for name, _ in inspect.getmembers(RunArchive, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_waits_for_a_silent_server(silent: FallsSilent, run: str, question: str) -> None:
    arguments = ARGUMENTS.get(question, ())
    arguments = arguments if question == "runs" else (run, *arguments)
    with given_up():
        answer = getattr(DatabaseArchive(silent), question)(*arguments)
        list(answer)  # rows come one by one


def test_no_copy_waits_for_a_server_that_falls_silent_between_two_blocks(
    silent: FallsSilent, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BLOCK_ROWS", 40)
    database = Database(silent.url, silent.engine, silent.kind, silent.where)
    rows = DatabaseArchive(database).rows(run)
    next(rows)
    pid = "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"
    with database.engine.connect() as connection:
        frozen.append(connection.execute(text(pid)).scalar_one())
    os.kill(frozen[0], signal.SIGSTOP)
    with given_up():
        list(rows)


def test_neither_check_nor_clean_up_waits_for_a_silent_server(
    silent: FallsSilent, run: str, settings: StorageSettings
) -> None:
    with given_up():
        server_facts(silent, [run])
    with given_up():
        DatabaseCleaner(silent, settings.runs_dir).problem()


def test_a_window_is_answered_by_the_journal_when_the_server_falls_silent(
    silent: FallsSilent, run: str, settings: StorageSettings
) -> None:
    reader = TrainingReader(silent, settings.runs_dir)
    for ask in (lambda: reader.latest(run, "mct", 10**9, 50), lambda: reader.newest(50)):
        began = time.monotonic()
        assert len(ask()) == 50
        assert time.monotonic() - began < AT_MOST_S
    reader.close()


def test_every_limit_is_in_force_on_a_connection(server: Server) -> None:
    with engine_for(server.url).connect() as connection:
        driver: Any = connection.connection.driver_connection
        asked = driver.info.dsn_parameters
        for name, value in (("lock", "2s"), ("statement", "10s"), ("idle_in_transaction_session", "10s")):
            assert connection.execute(text(f"SHOW {name}_timeout")).scalar_one() == value
    assert {name: asked.get(name) for name in LIBPQ_LIMITS} == LIBPQ_LIMITS


@pytest.mark.parametrize(
    ("setting", "work", "error"),
    [
        ("statement_timeout", lambda cursor: cursor.execute("SELECT pg_sleep(5)"), psycopg2.errors.QueryCanceled),
        ("idle_in_transaction_session_timeout", lambda cursor: _idle(cursor), psycopg2.OperationalError),
    ],
)
def test_the_servers_limits_end_what_takes_too_long(
    server: Server, setting: str, work: Callable[[Any], None], error: type[Exception]
) -> None:
    connection = engine_for(server.url).raw_connection()
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET {setting} = '0.2s'")
            with pytest.raises(error):
                work(cursor)
    finally:
        connection.invalidate()


def _idle(cursor: Any) -> None:
    time.sleep(1.0)
    cursor.execute("SELECT 1")


LIBPQ_LIMITS = {
    "connect_timeout": "3",
    "tcp_user_timeout": "5000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}
