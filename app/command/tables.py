"""Tables that fit the terminal: columns of less importance are left out, and nothing is ever cut."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NOT_A_TERMINAL_WIDTH = 160
_UNBOUNDED = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """A heading (of one or two lines) and its cells from top to bottom; texts are printed as they are.

    ``rank``: how early it may be left out, the highest first; a column of rank 0 always stays.
    """

    heading: str
    cells: Sequence[str]
    rank: int = 0
    right: bool = True


def table_console() -> Console:
    """Return where tables are printed: as wide as the terminal, or wide enough for a file."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else NOT_A_TERMINAL_WIDTH)


def print_table(console: Console, columns: Sequence[Column], *, apart: int = 0) -> None:
    """Print as many columns as fit, the important ones first, and say which do not.

    The last ``apart`` rows are set off. Where not even the columns of rank 0 fit, their lines are longer than the
    terminal is wide, and that is said.
    """
    shown = [column for column in columns if not column.rank]
    for column in sorted((column for column in columns if column.rank), key=lambda column: column.rank):
        tried = [one for one in columns if one in shown or one is column]
        if _width(console, tried) <= console.width:
            shown = tried
    terminal, width = console.width, _width(console, shown)
    console.width = max(terminal, width)
    console.print(_table(shown, apart))
    console.width = terminal
    if left := [" ".join(column.heading.split()) for column in columns if column not in shown]:
        say(console, f"Not shown here: {', '.join(left)}. A wider terminal has room for more; --json has all.")
    if width > terminal:
        say(console, f"The table is {width} characters wide, and the terminal {terminal}; --json has it too.")


def say(console: Console, sentence: str) -> None:
    """Print a sentence as it is."""
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _width(console: Console, columns: Sequence[Column]) -> int:
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(width=_UNBOUNDED), _table(columns, 0)).maximum


def _table(columns: Sequence[Column], apart: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for column in columns:
        table.add_column(Text(column.heading), justify="right" if column.right else "left", no_wrap=True)
    rows = list(zip(*(column.cells for column in columns), strict=True))
    for number, row in enumerate(rows):
        if number == len(rows) - apart:
            table.add_section()
        table.add_row(*map(Text, row))
    return table
