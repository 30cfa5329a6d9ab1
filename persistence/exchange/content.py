"""Whether two recordings of a run hold the same, in whatever order their rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from persistence.figures import summary_row
from persistence.journal.typed import lines_of
from persistence.run import RunHeader
from persistence.schema import JOURNALED

_MASK = (1 << 64) - 1


@dataclass(slots=True)
class TableContent:
    """Rows of a table, and the sum of their hashes: 64 bits that Python seeds anew in each process, so that no file can
    be made to fit. To be compared within a process."""

    rows: int = 0
    total: int = 0

    def add(self, lines: bytes) -> None:
        """Add whole lines."""
        each = lines.split(b"\n")[:-1]
        self.rows += len(each)
        self.total = (self.total + sum(map(hash, each))) & _MASK


def content_of(blocks: Iterable[tuple[str, Any]]) -> dict[str, TableContent]:
    """Return the content by table of typed rows (:meth:`persistence.archive.RunArchive.rows`)."""
    content = {table: TableContent() for table in JOURNALED}
    for table, rows in blocks:
        content[table].add(lines_of(table, rows))
    return content


@dataclass(frozen=True, slots=True)
class Recording:
    """A run as recorded somewhere."""

    header: RunHeader
    result: Mapping[str, Any] | None
    tables: Mapping[str, TableContent]

    def difference(self, other: Recording) -> str | None:
        """Return in what two recordings of a run differ, None when they hold the same.

        Where its files are is not part of a run, so race.toml is not compared.
        """
        parts: dict[str, Callable[[Recording], object]] = {
            "run.json": lambda recording: replace(recording.header, race_toml=""),
            "result.json": lambda recording: _outcome(recording.header.run, recording.result),
            **{table: lambda recording, table=table: recording.tables[table] for table in JOURNALED},  # type: ignore[misc]
        }
        return next((name for name, part in parts.items() if part(self) != part(other)), None)


def _outcome(run: str, result: Mapping[str, Any] | None) -> object:
    """Return what every storage keeps of a result."""
    if result is None:
        return None
    rows = {row["name"]: summary_row(run, row) for row in result["schedulers"]}
    return result["status"], datetime.fromisoformat(result["finished_at"]), result["digest"], rows
