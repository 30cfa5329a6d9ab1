"""The watchdog outlives whatever it watches."""

from __future__ import annotations

import time

import psycopg2
import pytest

from persistence.database.connection import engine_for
from persistence.database.watchdog import NO_ANSWER, limited


def test_the_next_limit_is_kept_after_one_of_a_connection_that_was_closed(database_url: str) -> None:
    engine = engine_for(database_url)
    closed = engine.raw_connection()
    with limited(closed.driver_connection, 0.1):
        closed.invalidate()
        time.sleep(0.5)  # past the limit
    connection = engine.raw_connection()
    began = time.monotonic()
    with (
        pytest.raises(psycopg2.OperationalError, match=NO_ANSWER),
        limited(connection.driver_connection, 0.3),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(4)")
    assert time.monotonic() - began < 2.0
    connection.invalidate()
