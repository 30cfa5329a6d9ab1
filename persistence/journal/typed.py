"""The rows of a table as columns with their real types, from and to the lines of a journal.

``lines_of(table, typed_rows(table, lines))`` gives the journal's own bytes back, and the same bytes for lines that
PostgreSQL has written by COPY: that is how the content of a database and of a journal is compared.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Double, Integer, SmallInteger

from persistence.journal.rows import csv_lines, list_literals
from persistence.schema import JOURNALED, journal_columns

BLOCK_BYTES = 8 << 20
_SHOWN = 80
_AT_ROW = re.compile(r"Row #(\d+): ")
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|inf|Infinity|nan|NaN)"
_LITERAL = rf"^\{{(?:{_NUMBER}(?:,{_NUMBER})*)?\}}$"


class BadRows(Exception):
    """Lines that are no rows of the table. ``row`` is the first bad one (from 0), None where that is not known."""

    def __init__(self, row: int | None, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        self.reason = reason


def typed_schema(table: str) -> Any:
    """Return the ``pyarrow.Schema`` of a table: names, types, and which columns may be null."""
    return pa.schema(
        [
            pa.field(name, _type(JOURNALED[table].columns[name].type), JOURNALED[table].columns[name].nullable)
            for name in journal_columns(table)
        ]
    )


def typed_rows(table: str, lines: bytes) -> Any:
    """Return whole lines (at least one) as a ``pyarrow.Table``; raises :class:`BadRows`."""
    schema = typed_schema(table)
    types = {field.name: pa.string() if _is_list(field) else field.type for field in schema}
    try:
        read = pa_csv.read_csv(
            pa.BufferReader(lines),
            # one thread: then an error says in which row
            read_options=pa_csv.ReadOptions(
                column_names=schema.names, use_threads=False, block_size=max(len(lines), 1 << 20)
            ),
            parse_options=pa_csv.ParseOptions(ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=types,
                null_values=[""],
                true_values=["true", "t"],
                false_values=["false", "f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as error:
        raise _bad(error) from error
    if len(read) != lines.count(b"\n"):
        raise BadRows(None, "a row is not one line")
    columns = []
    for field in schema:
        values = _needed(read[field.name].combine_chunks(), field)
        columns.append(_lists(values, field) if _is_list(field) else values)
    return pa.Table.from_arrays(columns, schema=schema)


def checked_rows(table: str, rows: Any) -> Any:
    """Return rows that have the types of the schema as it has them; raises :class:`BadRows` where a value lacks."""
    columns = []
    for field in typed_schema(table):
        values = rows[field.name].combine_chunks()
        if _is_list(field) and pc.list_flatten(values).null_count:
            raise BadRows(None, f"{field.name} holds a list with nothing in a place")
        columns.append(_needed(values, field).cast(field.type))
    return pa.Table.from_arrays(columns, schema=typed_schema(table))


def lines_of(table: str, rows: Any) -> bytes:
    """Return typed rows as the lines of a journal."""
    return csv_lines(table, [_written(rows[field.name].combine_chunks(), field) for field in typed_schema(table)])


def _type(kind: Any) -> Any:
    if isinstance(kind, ARRAY):
        return pa.list_(_type(kind.item_type))
    for sql_type, arrow_type in (
        (Boolean, pa.bool_()),
        (SmallInteger, pa.int16()),
        (BigInteger, pa.int64()),
        (Integer, pa.int32()),
        (Double, pa.float64()),
        (DateTime, pa.timestamp("us", "UTC")),
    ):
        if isinstance(kind, sql_type):
            return arrow_type
    return pa.string()


def _is_list(field: Any) -> bool:
    return bool(pa.types.is_list(field.type))


def _needed(values: Any, field: Any) -> Any:
    if not field.nullable and values.null_count:
        row = int(pc.index(values.is_null(), True).as_py())
        raise BadRows(row, f"{field.name} is empty")
    return values


def _lists(texts: Any, field: Any) -> Any:
    """Return ``{0.5,1e+16}`` and the like as lists."""
    inner = pc.utf8_slice_codeunits(texts, 1, -1)
    filled = pc.not_equal(inner, "")
    lengths = pc.if_else(filled, pc.add(pc.count_substring(inner, ","), 1), 0)
    try:
        well = pc.all(pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))).as_py()
        values = pc.cast(pc.list_flatten(pc.split_pattern(inner.filter(filled), ",")), field.type.value_type)
    except pa.ArrowException:
        well = False
    if not well:
        row = pc.index(pc.match_substring_regex(texts, _LITERAL), False).as_py()
        raise BadRows(row if row >= 0 else None, f"{field.name} is no list of numbers in braces")
    starts = np.concatenate([[0], np.cumsum(lengths.to_numpy(zero_copy_only=False))])
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), values)


def _written(values: Any, field: Any) -> Any:
    if _is_list(field):
        lengths = pc.list_value_length(values).to_numpy(zero_copy_only=False)
        return list_literals(pc.list_flatten(values), np.concatenate([[0], np.cumsum(lengths)]))
    if pa.types.is_timestamp(field.type):
        times = values.dictionary_encode()  # one a batch: a few, each of which many rows share
        texts = pc.binary_join_element_wise(pc.strftime(times.dictionary, "%Y-%m-%d %H:%M:%S"), "+00", "")
        return texts.take(times.indices)
    return values


def _bad(error: Exception) -> BadRows:
    """Return what pyarrow says, without what a terminal or a reader could not bear."""
    text = "".join(sign if sign.isprintable() else "?" for sign in str(error).splitlines()[0])
    at = _AT_ROW.search(text)
    reason = text[at.end() :] if at else text
    return BadRows(int(at.group(1)) - 1 if at else None, reason[:_SHOWN] + ("…" if len(reason) > _SHOWN else ""))
