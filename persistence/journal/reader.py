"""Reads a run's journal, also while somebody writes it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.words import remedy
from persistence.errors import JournalError
from persistence.figures import ranked, summary_row
from persistence.filelock import FileLock
from persistence.run import RunHeader
from persistence.schema import JOURNALED, header_line

RESUMED = "resumed"
"""The file that says that its race was cut and resumed."""


class JournalReader:
    """Reads a journal, also while it is written. Every error is a :class:`JournalError`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder.name

    def header(self) -> RunHeader:
        """Return what the run was started with."""
        try:
            text = (self.folder / "run.json").read_text("utf-8")
            header = RunHeader.from_json(text, (self.folder / "race.toml").read_text("utf-8"))
            if header.started_at.tzinfo is None:  # such times cannot be put in order with others
                raise ValueError("started_at has no time zone")
            return header
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise JournalError(f"The journal {self.folder} has no readable run.json and race.toml: {error}.") from error

    def result(self) -> dict[str, Any] | None:
        """Return the content of ``result.json``, or None while the race is not over (or was cut)."""
        path = self.folder / "result.json"
        try:
            result: dict[str, Any] = json.loads(path.read_text("utf-8"))
            _check_result(result)
            return result
        except FileNotFoundError:
            return None
        except KeyError as error:
            raise JournalError(f"{path} is not whole: it lacks {error}.") from error
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise JournalError(f"{path} cannot be read: {error}.") from error

    def is_written(self) -> bool:
        """Whether some process is writing this journal now."""
        with as_sentence(self.folder):
            return FileLock(self.folder / "lock").is_held()

    def was_resumed(self) -> bool:
        """Whether its race was cut and resumed, so that other bytes may stand now where something has been lost."""
        return (self.folder / RESUMED).exists()

    def path(self, table: str) -> Path:
        """Return the file of a table, which may not exist."""
        return self.folder / f"{table}.csv"

    def rejected_path(self, table: str) -> Path:
        """Return the file of the rows that a database refused for ever, which may not exist."""
        return self.folder / f"{table}.rejected.csv"

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each table that has rows."""
        sizes = {table: self._size(table) for table in JOURNALED}
        return {table: size for table, size in sizes.items() if size > self.first(table)}

    def first(self, table: str) -> int:
        """Return the byte at which the rows of a table begin: behind the header line."""
        return len(header_line(table))

    def read(self, table: str, start: int, end: int, limit: int) -> bytes:
        """Return whole lines from byte ``start``, about ``limit`` bytes, none of them behind ``end``."""
        size = min(limit, end - start)
        while True:
            data = self._read(table, start, min(size, end - start))
            cut = data.rfind(b"\n") + 1
            if cut or size >= end - start:
                return data[:cut]
            size *= 2  # one line longer than the limit

    def rows(self, table: str, end: int | None = None) -> int:
        """Return how many rows a table holds (before byte ``end``)."""
        stop = self._size(table) if end is None else end
        return sum(data.count(b"\n") for data in self._blocks(table, self.first(table), stop))

    def rejected(self, table: str) -> int:
        """Return how many rows of a table a database refused for ever."""
        try:
            return self.rejected_path(table).read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def _blocks(self, table: str, start: int, end: int) -> Iterator[bytes]:
        while start < end and (data := self._read(table, start, min(1 << 20, end - start))):
            yield data
            start += len(data)

    def _size(self, table: str) -> int:
        try:
            return self.path(table).stat().st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise JournalError(f"{self.path(table)} cannot be read: {error.strerror}.") from error

    def _read(self, table: str, start: int, size: int) -> bytes:
        try:
            with self.path(table).open("rb") as file:
                file.seek(start)
                return file.read(size)
        except OSError as error:
            raise JournalError(f"{self.path(table)} cannot be read: {error.strerror}.") from error


@contextlib.contextmanager
def as_sentence(path: Path) -> Iterator[None]:
    """Raise a :class:`JournalError` that says what happened to the journal ``path`` in place of an OSError."""
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The journal {path} cannot be written: {error.strerror or error}. {remedy(error)}, or choose another "
            "data folder (SCHEDRACE_DATA_DIR)."
        ) from error


def _check_result(result: Mapping[str, Any]) -> None:
    """Raise what a reader of a result would, when something is not as a race writes it."""
    if result["status"] not in ("finished", "stopped"):
        raise ValueError(f"its status is {result['status']!r}")
    datetime.fromisoformat(result["finished_at"])
    ranked([summary_row("", row) for row in result["schedulers"]])
    _ = result["digest"]
