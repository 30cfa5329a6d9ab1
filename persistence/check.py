"""What ``schedrace check-db`` finds, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from persistence.settings import StorageSettings
from persistence.storage import StoragePlugin


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing looked at, its verdict, and what to do when it is not ok."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """One run's journal (all tables together): rows in it, in the database, missing there, set aside."""

    run: str
    rows: int
    in_database: int
    missing: int
    rejected: int


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The answer of ``check-db``; ``healthy``: the storage asked for works and every journal has arrived."""

    healthy: bool
    storage: str
    server_version: str | None
    schema_version: str | None
    tables: Mapping[str, int]
    journals: tuple[JournalCheck, ...]
    checks: tuple[CheckLine, ...]


def check_database(settings: StorageSettings, plugins: Mapping[str, type[StoragePlugin]]) -> CheckReport:
    """Look at everything between a race and its stored rows; starts our own PostgreSQL if it is needed."""
    raise NotImplementedError
