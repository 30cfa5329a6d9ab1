"""The tables of an export, written block by block: CSV as in a journal, or Parquet with real types."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from persistence.journal.typed import lines_of, typed_schema
from persistence.schema import JOURNALED, header_line


class CsvTables(contextlib.ExitStack):
    """A file with a header line for each table."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._files = {table: self.enter_context((folder / f"{table}.csv").open("wb")) for table in JOURNALED}
        for table, file in self._files.items():
            file.write(header_line(table))

    def write(self, table: str, rows: Any) -> None:
        """Append typed rows."""
        self._files[table].write(lines_of(table, rows))


class ParquetTables(contextlib.ExitStack):
    """A Parquet file for each table; its columns are those of the CSV."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._files = {
            table: self.enter_context(
                pq.ParquetWriter(folder / f"{table}.parquet", typed_schema(table), compression="zstd")
            )
            for table in JOURNALED
        }

    def write(self, table: str, rows: Any) -> None:
        """Append typed rows."""
        self._files[table].write_table(rows)
