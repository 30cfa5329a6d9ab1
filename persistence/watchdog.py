"""Frees a call that a silent server holds: nothing but shutting the socket does (statement_timeout and keepalives do
not, measured with a stopped server)."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

LIMIT_S = 4.0
"""Above lock_timeout, so that a server that lives answers first."""


@contextlib.contextmanager
def limited(connection: Any, seconds: float = LIMIT_S) -> Iterator[None]:
    """Run a block of database calls; past the limit the connection's socket is shut, and the blocked call raises."""
    timer = threading.Timer(seconds, _shut, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(connection: Any) -> None:
    with contextlib.suppress(OSError):  # already closed: then nobody waits
        duplicate = socket.socket(fileno=os.dup(connection.fileno()))
        with duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
