"""What was raced, what the journal holds and what the database holds, compared row by row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from persistence.schema import JOURNALED, journal_columns

Execute = Callable[[str], list[tuple[object, ...]]]

# the natural key of a table, and a figure that must be the same bits in both places
IDENTITY = {
    "tasks": ("task", "arrival_s"),
    "scheduler_results": ("scheduler", "task", "finish_s", "energy_j"),
    "training_data": ("scheduler", "sample", "work_s"),
    "metrics": ("scheduler", "name", "sample", "value"),
}
_TEXT = ("scheduler", "name")


@dataclass(frozen=True)
class Kept:
    """A run and the results that it must have: all that it raced, or, where it was killed, at least those it had told
    to be safe."""

    run: str
    results: int
    complete: bool


@dataclass(frozen=True)
class Balance:
    """Rows of all tables: in the journal; not where they must be; there twice. ``in_order``: no row of a journal says
    that it is older than the one before it."""

    COUNTS: ClassVar = ("rows", "lost", "doubled")

    rows: int
    lost: int
    doubled: int
    in_order: bool


def compared(execute: Execute, runs_dir: Path, runs: Sequence[Kept]) -> Balance:
    """Compare what these runs left behind."""
    parts = [_balance(execute, runs_dir, run) for run in runs]
    return Balance(
        *(sum(getattr(part, name) for part in parts) for name in Balance.COUNTS),
        in_order=all(part.in_order for part in parts),
    )


def _balance(execute: Execute, runs_dir: Path, kept: Kept) -> Balance:
    assert execute(f"SELECT count(*) FROM schedrace.runs WHERE run = '{kept.run}'") == [(1,)]
    rows = lost = doubled = 0
    in_order = True
    for table in JOURNALED:
        lines = _journal(runs_dir / kept.run / f"{table}.csv")
        in_journal = Counter(_identity(table, line) for line in lines)
        stored = execute(f"SELECT {', '.join(IDENTITY[table])} FROM schedrace.{table} WHERE run = '{kept.run}'")
        in_database = Counter(_identity(table, dict(zip(IDENTITY[table], row, strict=True))) for row in stored)
        rows += len(lines)
        lost += len(in_journal.keys() ^ in_database.keys())
        doubled += sum(count - 1 for holder in (in_journal, in_database) for count in holder.values())
        times = [line["created_at"] for line in lines]
        in_order = in_order and times == sorted(times)
        if table == "scheduler_results":
            known = len(in_journal)
            lost += abs(kept.results - known) if kept.complete else max(0, kept.results - known)
    return Balance(rows, lost, doubled, in_order)


def _journal(path: Path) -> list[dict[str, str]]:
    if not path.exists():  # killed before the first row of this table
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines: Iterable[str] = file.readlines()
    _, *rows = csv.reader(lines)
    columns = journal_columns(path.stem)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _identity(table: str, row: dict[str, str] | dict[str, object]) -> tuple[object, ...]:
    return tuple(row[name] if name in _TEXT else float(str(row[name])) for name in IDENTITY[table])
