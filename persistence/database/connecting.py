"""Connections whose making and end are limited as their use is: SQLAlchemy asks a new one some things before it hands
it out, and rolls back when it gets it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import NullPool, PoolProxiedConnection

from persistence.database.watchdog import LIMIT_S, limited

_limits: ContextVar[ExitStack] = ContextVar("limits of the connection that is being made")


class LimitedPool(NullPool):
    """No pool: makes each connection anew. A server that falls silent after the login is given up as :func:`limited`
    says; until the login, libpq's connect_timeout is the limit."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        event.listen(self, "connect", _limit)  # heard before SQLAlchemy's own listeners, which ask the server

    def connect(self) -> PoolProxiedConnection:
        """Return a new connection."""
        with ExitStack() as limits:
            token = _limits.set(limits)
            try:
                return super().connect()
            finally:
                _limits.reset(token)


def _limit(connection: Any, _record: object) -> None:
    _limits.get().enter_context(limited(connection))


@contextmanager
def connected(engine: Engine, seconds: float = LIMIT_S) -> Iterator[Connection]:
    """Yield a connection; what is asked there, and the rollback at the end, must be over after ``seconds``."""
    connection = engine.connect()
    with limited(connection.connection.driver_connection, seconds), connection:
        yield connection
