"""What the repositories of tables with a journal file share."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from psycopg2 import sql

from persistence.schema import SCHEMA, journal_columns


class BulkRepository:
    """A table that has a journal file. ``cursor`` is a psycopg2 cursor; the caller owns the transaction."""

    table: ClassVar[str]

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        names = sql.SQL(", ").join(map(sql.Identifier, journal_columns(self.table)))
        parts = {"stage": sql.Identifier(f"stage_{self.table}"), "names": names}
        parts["table"] = sql.Identifier(SCHEMA, self.table)
        self._create = sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT {names} FROM {table} WHERE false"
        ).format(**parts)
        self._copy = sql.SQL("COPY {stage} FROM STDIN (FORMAT csv)").format(**parts)
        self._insert = sql.SQL(
            "INSERT INTO {table} (run, {names}) SELECT %s, {names} FROM {stage} ON CONFLICT DO NOTHING"
        ).format(**parts)
        self._clear = sql.SQL("DELETE FROM {stage}").format(**parts)
        self._count = sql.SQL("SELECT count(*) FROM {table} WHERE run = %s").format(**parts)
        self._delete = sql.SQL("DELETE FROM {table} WHERE run = %s").format(**parts)

    def prepare(self) -> None:
        """Make the stage table, once a connection."""
        self._cursor.execute(self._create)

    def upsert(self, run: str, rows: bytes) -> None:
        """Insert the CSV lines that are not there yet (primary key: the natural key)."""
        # read at once: psycopg2's pieces of 8 KiB each wait for the interpreter lock, which a race at full speed holds
        self._cursor.copy_expert(self._copy, io.BytesIO(rows), len(rows))
        self._cursor.execute(self._insert, (run,))

    def clear(self) -> None:
        """Empty the stage table within the transaction (its end does that too)."""
        self._cursor.execute(self._clear)

    def count(self, run: str) -> int:
        """Return how many rows of a run are stored (index: primary key, which leads with run)."""
        self._cursor.execute(self._count, (run,))
        return int(self._cursor.fetchone()[0])

    def delete(self, run: str) -> int:
        """Delete the rows of a run and return how many there were (index: primary key)."""
        self._cursor.execute(self._delete, (run,))
        return int(self._cursor.rowcount)


def as_dicts(cursor: Any) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries by column."""
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
