"""CSV alone: the journal is the storage, and everything in it has arrived by definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from persistence.run import RunHeader
from persistence.storage import RESULT, StoragePlugin, Taken


class CsvStorage(StoragePlugin):
    """Keeps the rows where the journal has put them."""

    name = "csv"
    summary = "CSV files alone, one folder a run: no database needed, everything can be shipped to one later."
    is_journal = True

    @property
    def where(self) -> str:
        """The folder of the runs."""
        return str(self.settings.runs_dir)

    def connect(self) -> None:
        """There is nothing to connect to."""

    def offsets(self) -> Mapping[str, Mapping[str, int]]:
        """Every journal has arrived as far as it goes."""
        from persistence.journal.reader import JournalReader

        folders = [path.parent for path in self.settings.runs_dir.glob("*/run.json")]
        return {folder.name: {**JournalReader(folder).sizes(), RESULT: 2} for folder in folders}

    def begin(self, header: RunHeader) -> Mapping[str, int]:
        """A run starts empty."""
        return {}

    def take(self, run: str, table: str, rows: bytes, end: int) -> Taken:
        """The rows are there already."""
        return Taken(rows.count(b"\n"))

    def finish(self, run: str, result: Mapping[str, Any] | None) -> None:
        """The result is in the journal's folder already."""

    def close(self) -> None:
        """There is nothing to let go of."""
