"""Rows of a table by the names of their columns: every bad cell is noted, and the row is then not to be used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.errors import InputError, did_you_mean
from plugins.workloads.table import Problems, Table, number


@dataclass(slots=True)
class Row:
    """One row; ``sound`` is False once a cell of it was bad, and what that cell read as means nothing."""

    line: int
    cells: dict[str, str]
    problems: Problems
    sound: bool = True

    def text(self, column: str) -> str:
        """Return the cell without the spaces around it."""
        return self.cells[column].strip()

    def number(self, column: str, *, low: float = 0.0, above: bool = False) -> float:
        """Return the cell as a finite number of at least (or above) ``low``."""
        try:
            return number(self.cells[column], low=low, above=above)
        except ValueError as error:
            self._refuse(column, str(error))
            return math.nan

    def whole(self, column: str, *, low: int, high: int) -> int:
        """Return the cell as a whole number from ``low`` to ``high``."""
        value = self.number(column, low=-math.inf)
        if not self.sound or (value.is_integer() and low <= value <= high):
            return int(value) if self.sound else low
        self._refuse(column, f"{self.text(column)} must be a whole number from {low:,} to {high:,}")
        return low

    def _refuse(self, column: str, reason: str) -> None:
        self.problems.add(self.line, column, reason)
        self.sound = False


def rows_of(table: Table, required: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a table. Raises :class:`InputError` when it lacks a required column."""
    for column in required:
        if column not in table.header:
            raise InputError(f"'{table.path}' has no column '{column}'.{did_you_mean(column, table.header)}")
    for line, cells in table.rows():
        yield Row(line, dict(zip(table.header, cells, strict=True)), table.problems)
