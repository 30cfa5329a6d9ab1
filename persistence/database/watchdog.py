"""Frees calls that a silent server holds: nothing but shutting the socket does (statement_timeout and keepalives do
not, measured with a stopped server)."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
from sqlalchemy.exc import SQLAlchemyError

from persistence.database.interrupts import interrupts_after

LIMIT_S = 3.0
"""Above lock_timeout, so that a server that lives answers first; below the 5 s that nothing may exceed."""
NO_ANSWER = "no answer within"
_POLL_S = 0.1


@contextlib.contextmanager
def limited(connection: Any, seconds: float = LIMIT_S) -> Iterator[None]:
    """Run database calls on a psycopg2 connection; past the limit its socket is shut, and the blocked call raises
    :class:`psycopg2.OperationalError` that says so. Ctrl-C acts when they are over."""
    ticket = _watchdog.arm(connection, seconds)
    passed = False
    try:
        try:
            with interrupts_after():
                yield
        finally:
            passed = _watchdog.disarm(ticket)
    except (psycopg2.Error, SQLAlchemyError) as error:
        if passed:  # for the driver the server has closed the connection, which it has not
            raise psycopg2.OperationalError(f"{NO_ANSWER} {seconds:.3g} s") from error
        raise


class _Watchdog:
    """One thread for all calls of the process; arming costs a microsecond."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._armed: dict[int, tuple[float, Any]] = {}
        self._next = 0
        self._thread: threading.Thread | None = None

    def arm(self, connection: Any, seconds: float) -> int:
        with self._changed:
            self._next += 1
            self._armed[self._next] = (time.monotonic() + seconds, connection)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="database watchdog", daemon=True)
                self._thread.start()
            elif len(self._armed) == 1:
                self._changed.notify()
            return self._next

    def disarm(self, ticket: int) -> bool:
        """Return whether the limit has passed."""
        with self._changed:
            return self._armed.pop(ticket, None) is None

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._armed:
                    self._changed.wait()
                now = time.monotonic()
                for ticket, (deadline, connection) in list(self._armed.items()):
                    if now > deadline:
                        del self._armed[ticket]
                        _shut(connection)
            time.sleep(_POLL_S)


def _shut(connection: Any) -> None:
    # an error means that it is closed: then nobody waits
    with contextlib.suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


_watchdog = _Watchdog()
