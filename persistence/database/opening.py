"""The PostgreSQL that the settings mean: a given one, or our own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from persistence.again import asked_again
from persistence.database.connection import DATABASE_ERRORS, checked_engine, engine_for
from persistence.database.faults import as_storage_error
from persistence.database.migrate import upgrade
from persistence.database.urls import shown_url
from persistence.database.watchdog import LIMIT_S, limited
from persistence.embedded.keeper import cluster_folder, server_url
from persistence.errors import OwnServerStopped
from persistence.settings import StorageSettings

OWN = "postgresql-embedded"


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL that has answered and has our tables. ``kind`` and ``where`` are for people.

    ``data_dir`` is the data folder of SchedRace for whose own server it is, else None.
    """

    url: str = field(repr=False)
    engine: Engine
    kind: str
    where: str
    data_dir: Path | None = None

    @property
    def own(self) -> bool:
        """Whether it is SchedRace's own server."""
        return self.kind == OWN

    def connect(self) -> Any:
        """Return a psycopg2 connection of its own; raises :class:`persistence.errors.StorageError`.

        Our own server is looked for anew where it has gone, and started where nobody runs it.
        """
        try:
            return self._connected(self.engine)
        except OwnServerStopped:
            if self.data_dir is None:
                raise
        return self._connected(engine_for(server_url(self.data_dir), own=True))

    @contextlib.contextmanager
    def session(self, limit_s: float = 10.0) -> Iterator[Any]:
        """Yield a cursor for one transaction on a connection that ends with it."""
        connection = self.connect()
        try:
            with self.transaction(connection, limit_s) as cursor:
                yield cursor
        finally:
            connection.invalidate()  # close() would first roll back, and a dead connection complains of that in the log

    @contextlib.contextmanager
    def transaction(self, connection: Any, limit_s: float = LIMIT_S) -> Iterator[Any]:
        """Yield a cursor; commit at the end, roll back on errors, which come as sentences; never hangs."""
        try:
            with limited(connection.driver_connection, limit_s):
                with connection.cursor() as cursor:
                    yield cursor
                connection.commit()
        except DATABASE_ERRORS as error:
            with contextlib.suppress(*DATABASE_ERRORS):  # a dead connection rolls back by itself
                connection.rollback()
            raise as_storage_error(error, self.url, self.own) from error

    def _connected(self, engine: Engine) -> Any:
        try:
            return engine.raw_connection()
        except DATABASE_ERRORS as error:
            raise as_storage_error(error, self.url, self.own) from error


@asked_again
def open_database(settings: StorageSettings) -> Database:
    """Connect, starting our own PostgreSQL if no URL is set, and migrate the tables.

    Raises :class:`persistence.errors.StorageError`, or its :class:`StorageImpossible` when trying again cannot help.
    """
    if settings.url is None:
        url, data_dir = server_url(settings.data_dir), settings.data_dir
        kind, where = OWN, str(cluster_folder(settings.data_dir))
    else:
        url, data_dir = settings.url, None
        kind, where = "postgresql", shown_url(settings.url)
    try:
        engine = checked_engine(url, kind == OWN)
        upgrade(engine)
    except DATABASE_ERRORS as error:
        raise as_storage_error(error, url, kind == OWN) from error
    return Database(url, engine, kind, where, data_dir)
