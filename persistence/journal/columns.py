"""The rows of a journal's table as columns, read by pyarrow: a million results take about 0.3 s."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, SmallInteger

from persistence.errors import JournalError
from persistence.journal.reader import JournalReader
from persistence.schema import JOURNALED, journal_columns

_SHOWN = 160


def journal_table(journal: JournalReader, table: str, names: Sequence[str]) -> Any:
    """Return the named columns of all whole rows as a ``pyarrow.Table``; texts, times and arrays are texts in it.

    Raises :class:`JournalError` when there is a line that is no row.
    """
    types = {name: _type(JOURNALED[table].columns[name]) for name in names}
    first = journal.first(table)
    end = journal.sizes().get(table, first)
    data = journal.read(table, first, end, end - first) if end > first else b""
    if not data:
        return pa.schema(list(types.items())).empty_table()
    with undamaged(journal, table):
        return pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=journal_columns(table)),
            convert_options=pa_csv.ConvertOptions(
                column_types=types,
                include_columns=list(names),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )


@contextlib.contextmanager
def undamaged(journal: JournalReader, table: str) -> Iterator[None]:
    """Raise :class:`JournalError`, with the file, where what is done inside finds lines that are no rows."""
    try:
        yield
    except (pa.ArrowException, ValueError, TypeError) as error:
        reason = "".join(sign if sign.isprintable() else "?" for sign in str(error).split("\n")[0][:_SHOWN])
        raise JournalError(f"{journal.path(table)} is damaged: {reason}.") from error


def _type(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, Boolean):
        return pa.bool_()
    if isinstance(kind, (Integer, BigInteger, SmallInteger)):
        return pa.int64()
    if isinstance(kind, Double):
        return pa.float64()
    if column.name in ("scheduler", "name") and not column.nullable:
        return pa.dictionary(pa.int32(), pa.string())
    return pa.string()
