from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from persistence.database.copy_errors import hush_doubled_errors
from persistence.database.opening import open_database
from persistence.errors import StorageError
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


def test_every_other_error_that_nobody_caught_is_still_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: reported.append(error))
    hush_doubled_errors()
    hush_doubled_errors()
    errors = [SystemError("a defect"), ValueError("a mistake")]
    for error in errors:
        sys.excepthook(type(error), error, None)
    assert reported == errors
