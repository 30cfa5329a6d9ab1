"""The rows of an exported table, CSV or Parquet, block by block; what is no row is named with its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from persistence.exchange.places import shown, wrong
from persistence.journal.typed import BLOCK_BYTES, BadRows, checked_rows, lines_of, typed_rows, typed_schema
from persistence.schema import header_line

LONGEST_LINE_BYTES = 8 << 20
BATCH_ROWS = 50_000


def table_blocks(path: Path, table: str) -> Iterator[tuple[int, Any, bytes]]:
    """Yield (line of the first row, typed rows, the same as lines of a journal); raises :class:`InputError`."""
    blocks = _parquet_blocks(path, table) if path.suffix == ".parquet" else _csv_blocks(path, table)
    try:
        for first, rows in blocks:
            lines = lines_of(table, rows)
            if lines.count(b"\n") != len(rows) or b"\r" in lines or b"\0" in lines:
                # what a journal can never hold: there, a row is a line
                raise wrong(path, "a text holds a line break or a zero byte", first)
            yield first, rows, lines
    except (pa.ArrowException, OSError, ValueError) as error:
        raise wrong(path, f"it cannot be read ({shown(error)})") from error


def _csv_blocks(path: Path, table: str) -> Iterator[tuple[int, Any]]:
    header = header_line(table)
    with path.open("rb") as file:
        if file.readline(2 * len(header)) != header:
            raise wrong(path, f"it does not begin with the columns {shown(header.decode().strip())}", 1)
        number, rest = 2, b""
        while data := file.read(BLOCK_BYTES):
            data = rest + data
            end = data.rfind(b"\n") + 1
            lines, rest = data[:end], data[end:]
            if lines:
                yield number, _rows(path, table, lines, number)
                number += lines.count(b"\n")
            if len(rest) > LONGEST_LINE_BYTES:
                raise wrong(path, "it is far longer than a row can be", number)
        if rest:
            raise wrong(path, "the file ends in the middle of a line", number)


def _rows(path: Path, table: str, lines: bytes, number: int) -> Any:
    try:
        return typed_rows(table, lines)
    except BadRows as error:
        at = number if error.row is None else number + error.row
        near = " (in it or behind it)" if error.row is None else ""
        raise wrong(path, f"{error.reason}{near}", at) from error


def _parquet_blocks(path: Path, table: str) -> Iterator[tuple[int, Any]]:
    wanted = typed_schema(table)
    with pq.ParquetFile(path) as file:
        found = file.schema_arrow
        if found.names != wanted.names:
            raise wrong(path, f"its columns are {shown(', '.join(found.names))}, not {shown(', '.join(wanted.names))}")
        for field in wanted:
            if str(found.field(field.name).type).replace("element", "item") != str(field.type):
                raise wrong(path, f"{field.name} is {shown(found.field(field.name).type)}, not {field.type}")
        first = 1
        for batch in file.iter_batches(BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            rows.validate(full=True)
            try:
                yield first, checked_rows(table, rows)
            except BadRows as error:
                raise wrong(path, error.reason, first + (error.row or 0)) from error
            first += len(batch)
