"""One moment of the database, asked many questions: what others write or delete meanwhile is not seen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from persistence.database.connection import DATABASE_ERRORS
from persistence.database.faults import as_storage_error
from persistence.database.opening import Database
from persistence.database.watchdog import limited

QUESTION_S = 20.0
_T = TypeVar("_T")


class Ask(Protocol):
    """Calls a function with a cursor and returns its answer; errors come as sentences, and no call hangs."""

    def __call__(self, question: Callable[[Any], _T]) -> _T:
        """Ask one question."""


@contextlib.contextmanager
def snapshot(database: Database) -> Iterator[Ask]:
    """Yield the function that asks, on a connection of its own that ends with it."""
    connection = database.connect()

    def ask(question: Callable[[Any], _T]) -> _T:
        try:
            with limited(connection.driver_connection, QUESTION_S), connection.cursor() as cursor:
                return question(cursor)
        except DATABASE_ERRORS as error:
            raise as_storage_error(error, database.url, database.own) from error

    try:
        ask(lambda cursor: cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        # between two questions whoever asks may have to wait for a slow disk
        ask(lambda cursor: cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '60s'"))
        yield ask
    finally:
        connection.invalidate()  # close() would first roll back, and a dead connection complains of that in the log
