"""What a journal holds of one table, to be compared with the rows of the same race raced again."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterator

from engine.errors import SchedRaceError
from persistence.journal.reader import JournalReader
from persistence.schema import journal_columns

BLOCK_BYTES = 1 << 20
_SHOWN = 60
_TEXT = rb'"(?:[^"]|"")*",'
_OWNER = {
    "tasks": re.compile(b""),
    "scheduler_results": re.compile(_TEXT),
    "training_data": re.compile(_TEXT),
    "metrics": re.compile(_TEXT * 2),
}
"""What a line of each table begins with: whose row it is (a scheduler's, a metric's of a scheduler)."""


class Differs(SchedRaceError):
    """The race does not give the rows that the journal holds."""


class RecordedRows:
    """The rows of one table. How rows of several owners interleave is chance; each owner's own order is not.

    In memory are only the places of the rows: a pair of offsets for each stretch of lines of one owner.
    """

    def __init__(self, reader: JournalReader, table: str) -> None:
        self._table = table
        self._columns = journal_columns(table)
        self._owners: dict[bytes, _Owner] = {}
        self.left = 0
        """Rows that have not been compared yet."""
        start = reader.first(table)
        self._index(reader, start, reader.sizes().get(table, start))

    def match(self, lines: bytes, values: bool = True) -> int:
        """Compare the next rows of one owner with the recorded ones, all columns but ``created_at``.

        Returns how many of them are recorded. Raises :class:`Differs` at the first that is another; without ``values``
        they are only counted, because the same race gives others each time.
        """
        owner = self._owners.get(self._owner_of(lines))
        if owner is None or not owner.left:
            return 0
        count = 0
        for line in lines.split(b"\n")[:-1]:
            recorded = owner.next()
            if recorded is None:
                break
            if values and _content(line) != _content(recorded):
                raise Differs(self._difference(owner.taken, recorded, line))
            count += 1
        self.left -= count
        return count

    def missing(self) -> str | None:
        """Return a sentence about recorded rows that did not come again, None when all did."""
        for name, owner in self._owners.items():
            if owner.left:
                whose = _whose(name)
                return f"{self._table}.csv holds {owner.left:,} rows{whose} that the race does not give now."
        return None

    def _index(self, reader: JournalReader, start: int, end: int) -> None:
        before: _Owner | None = None
        name = b""
        while start < end and (block := reader.read(self._table, start, end, BLOCK_BYTES)):
            for line in block.split(b"\n")[:-1]:
                if before is None or not line.startswith(name):
                    name = self._owner_of(line)
                    before = self._owners.setdefault(name, _Owner(reader, self._table))
                before.add(start, start + len(line) + 1)
                start += len(line) + 1
        self.left = sum(owner.left for owner in self._owners.values())

    def _owner_of(self, line: bytes) -> bytes:
        found = _OWNER[self._table].match(line)
        if found is None:
            raise Differs(f"{self._table}.csv holds a line that is none of ours: {line[:80]!r}.")
        return found.group()

    def _difference(self, number: int, recorded: bytes, now: bytes) -> str:
        """Return the sentence about the first column that differs."""
        where = f"row {number:,}{_whose(self._owner_of(now))} of {self._table}.csv"
        # a damaged line has other columns: not strict
        for column, old, new in zip(self._columns, _fields(recorded), _fields(now), strict=False):
            if old != new:
                return f"In {where}, {column} is {_short(old)}; raced now it is {_short(new)}."
        return f"The text of {where} is another one now."


class _Owner:
    """The rows of one owner: where they are, and the one that is compared next."""

    def __init__(self, reader: JournalReader, table: str) -> None:
        self._reader, self._table = reader, table
        self._places = array("q")
        self._lines: Iterator[bytes] | None = None
        self.left = self.taken = 0

    def add(self, start: int, end: int) -> None:
        """Say where one more line is."""
        if self._places and self._places[-1] == start:
            self._places[-1] = end
        else:
            self._places.extend((start, end))
        self.left += 1

    def next(self) -> bytes | None:
        """Return the next line, None behind the last."""
        if self._lines is None:
            self._lines = self._read()
        line = next(self._lines, None)
        if line is not None:
            self.left -= 1
            self.taken += 1
        return line

    def _read(self) -> Iterator[bytes]:
        for start, end in zip(self._places[::2], self._places[1::2], strict=True):
            while start < end and (block := self._reader.read(self._table, start, end, BLOCK_BYTES)):
                start += len(block)
                yield from block.split(b"\n")[:-1]


def _content(line: bytes) -> bytes:
    """Return a line without its last column, ``created_at``."""
    return line.rpartition(b",")[0]


def _fields(line: bytes) -> list[str]:
    return next(csv.reader([line.decode(errors="replace")]), [])


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else value[:_SHOWN] + "…"


def _whose(owner: bytes) -> str:
    names = [name for name in _fields(owner) if name]
    return f" of '{' '.join(names)}'" if names else ""
