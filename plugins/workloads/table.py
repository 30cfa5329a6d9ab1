"""Reading CSV tables row by row, with every bad cell collected before anything is refused."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from engine.errors import InputError
from plugins.workload import Progress, unwatched
from plugins.workloads.lines import watched

MOST_PROBLEMS = 20


class Problems:
    """What is wrong with a file, cell by cell; stops the reading when there are as many as one wants to read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []

    def add(self, line: int, column: str | None, reason: str) -> None:
        """Note one bad cell (or row, without a column)."""
        self.add_at(f"line {line}{f', column {column}' if column else ''}", reason)

    def add_at(self, where: str, reason: str) -> None:
        """Note what is wrong at a place that has no line."""
        self._found.append(f"{where}: {reason}")
        if len(self._found) >= MOST_PROBLEMS:
            self.refuse()

    def refuse(self) -> None:
        """Raise :class:`InputError` with all that was found, if anything was."""
        if not self._found:
            return
        count = len(self._found)
        more = " (the first ones; the rest was not read)" if count >= MOST_PROBLEMS else ""
        head = f"'{self._path}' has {count} problem{'s' if count > 1 else ''}{more}; nothing was started:"
        raise InputError("\n  ".join([head, *self._found]))


class _Reader(Protocol):
    """What :func:`csv.reader` returns (its type has no public name)."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...


class Table:
    """An open CSV: its header, and its rows one by one with the number of the line that each ends on."""

    def __init__(self, path: Path, header: list[str], reader: _Reader) -> None:
        self.path = path
        self.header = header
        self.problems = Problems(path)
        self._reader = reader

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, cells); blank lines are passed over, and rows of a wrong length are problems."""
        for cells in self._reader:
            if not cells:
                continue
            line = self._reader.line_num
            if len(cells) == len(self.header):
                yield line, cells
            else:
                self.problems.add(line, None, f"has {len(cells)} cells, but the header has {len(self.header)}")


@contextmanager
def open_table(path: Path, progress: Progress = unwatched, *, numbered: bool = False) -> Iterator[Table]:
    """Open a CSV file (UTF-8, with or without a byte order mark, any line ends). Raises :class:`InputError` on what is
    no such file, also while its rows are read. ``numbered``: the first column may have no name, as pandas writes it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(watched(stream, progress), strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            if not any(header):
                raise InputError(f"'{path}' is empty; its first line must be a header.")
            _check_header(path, header, numbered)
            yield Table(path, header, reader)
    except UnicodeDecodeError as error:
        raise InputError(f"'{path}' is not UTF-8 text ({error.reason}). Save it as UTF-8 and try again.") from error
    except csv.Error as error:
        raise InputError(f"'{path}' is not a valid CSV file: {error} (line {reader.line_num}).") from error
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}.") from error


def _check_header(path: Path, header: Sequence[str], numbered: bool) -> None:
    for column, name in enumerate(header, start=1):
        if not name and not (numbered and column == 1):
            raise InputError(f"'{path}': column {column} of the header has no name.")
        if header.index(name) != column - 1:
            raise InputError(f"'{path}': the header names '{name}' twice.")


def number(text: str, *, low: float = -math.inf, above: bool = False, infinite: bool = False) -> float:
    """Return the cell as a number; ValueError carries the reason why it is none that fits."""
    if not text.strip():
        raise ValueError("is empty")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"'{text.strip()}' is not a number") from None
    if math.isnan(value) or (math.isinf(value) and not (infinite and value > 0)):
        raise ValueError(f"'{text.strip()}' is not a finite number")
    if value < low or (above and value == low):
        raise ValueError(f"{text.strip()} must be {'above' if above else 'at least'} {low:g}")
    return value
