from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from persistence.database.connection import engine_for
from persistence.database.copy_errors import hush_doubled_errors
from persistence.database.faults import as_storage_error
from persistence.database.opening import open_database
from persistence.errors import OwnServerStopped, StorageError
from persistence.settings import StorageSettings


class Rows:
    """Endless rows for a COPY whose server process is ended after the first of them."""

    def __init__(self, end_the_server_process: Callable[[], object]) -> None:
        self._end = end_the_server_process
        self._reads = 0

    def read(self, size: int) -> bytes:
        self._reads += 1
        if self._reads == 2:
            self._end()
        return b"1\n" * 100_000


def test_a_server_that_stops_during_a_copy_is_one_sentence_and_nothing_on_the_terminal(
    settings: StorageSettings, execute: Callable[..., object], capfd: pytest.CaptureFixture[str]
) -> None:
    database = open_database(settings)
    connection = database.connect()
    rows = Rows(lambda: execute(f"SELECT pg_terminate_backend({connection.driver_connection.info.backend_pid}, 5000)"))
    with (
        pytest.raises(StorageError, match=r"has stopped, or the connection to it was cut\. It is tried again\.$"),
        database.transaction(connection) as cursor,
    ):
        cursor.execute("CREATE TEMP TABLE numbers (n int)")
        cursor.copy_expert("COPY numbers FROM STDIN", rows)
    connection.invalidate()
    assert capfd.readouterr().err == ""


class CutAfterTheFirst:
    """Takes the rows of a COPY, and cuts the connection when the first ones are here."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def write(self, rows: bytes) -> None:
        with socket.socket(fileno=os.dup(self._connection.fileno())) as way:
            way.shutdown(socket.SHUT_RDWR)


def test_a_copy_to_us_that_breaks_off_is_known_as_a_server_that_has_gone(database_url: str) -> None:
    engine = engine_for(database_url, own=True)
    connection = engine.raw_connection()
    with pytest.raises(psycopg2.Error) as caught, connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 10000)) TO STDOUT",
            CutAfterTheFirst(connection.driver_connection),
        )
    connection.invalidate()
    assert isinstance(as_storage_error(caught.value, database_url, own=True), OwnServerStopped)
    assert "the connection to it was cut" in str(as_storage_error(caught.value, database_url))


def test_every_other_error_that_nobody_caught_is_still_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: reported.append(error))
    hush_doubled_errors()
    hush_doubled_errors()
    errors = [SystemError("a defect"), ValueError("a mistake")]
    for error in errors:
        sys.excepthook(type(error), error, None)
    assert reported == errors
