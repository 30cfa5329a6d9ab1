"""The built-in storages."""

from __future__ import annotations

from persistence.storage import StoragePlugin
from plugins.hookspecs import hookimpl
from plugins.storage.csv import CsvStorage
from plugins.storage.postgresql import PostgresqlStorage


@hookimpl
def schedrace_storages() -> list[type[StoragePlugin]]:
    """Return the storages that come with SchedRace."""
    return [PostgresqlStorage, CsvStorage]
