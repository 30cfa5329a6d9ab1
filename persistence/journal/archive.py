"""Recorded runs as their journals hold them (:class:`persistence.archive.RunArchive`)."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from persistence.archive import no_such_run
from persistence.comparison import WinLoss
from persistence.errors import JournalError
from persistence.figures import (
    RunOverview,
    SchedulerStats,
    best_first,
    ranked,
    stats_of,
    summary_row,
    summary_so_far,
)
from persistence.journal.columns import journal_table
from persistence.journal.reader import JournalReader
from persistence.journal.stats import journal_stats, journal_wins
from persistence.journal.typed import BLOCK_BYTES, BadRows, typed_rows
from persistence.run import RunHeader
from persistence.schema import JOURNALED, journal_columns

_ARRAYS = {"nominal_s": float, "features": float, "parents": int}
_log = logging.getLogger(__name__)


class JournalArchive:
    """Reads the journals of one folder; what is being written is read as far as it goes."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir

    def names(self) -> list[str]:
        """Return all runs that have a journal here."""
        return [path.parent.name for path in self._runs_dir.glob("*/run.json")]

    def runs(self, limit: int) -> list[RunOverview]:
        """See the protocol."""
        return self.overviews(self.names())[:limit]

    def overviews(self, runs: Iterable[str]) -> list[RunOverview]:
        """Return these lines, newest first; a journal that cannot be read is left out, with a warning in the log."""
        found = []
        for run in runs:
            try:
                found.append(_overview(JournalReader(self._runs_dir / run)))
            except JournalError as error:
                _log.warning("%s", error)
        return sorted(found, key=lambda row: (row.started_at, row.run), reverse=True)

    def overview(self, run: str) -> RunOverview:
        """See the protocol."""
        return _overview(self._journal(run))

    def header(self, run: str) -> RunHeader:
        """See the protocol."""
        return self._journal(run).header()

    def summaries(self, run: str) -> list[dict[str, Any]]:
        """See the protocol."""
        journal = self._journal(run)
        rows = _result_summaries(journal)
        if rows is None:
            status = _overview(journal).status
            rows = [summary_so_far(run, status, row) for row in journal_stats(journal)]
        return sorted(rows, key=lambda row: str(row["scheduler"]))

    def statistics(self, run: str) -> list[SchedulerStats]:
        """See the protocol."""
        journal = self._journal(run)
        rows = _result_summaries(journal)
        return best_first([stats_of(row) for row in rows] if rows else journal_stats(journal))

    def statistics_of_rows(self, run: str) -> list[SchedulerStats]:
        """See the protocol."""
        return best_first(journal_stats(self._journal(run)))

    def wins(self, run: str) -> WinLoss:
        """See the protocol."""
        journal = self._journal(run)
        return journal_wins(journal, journal.header().schedulers)

    def metric(self, run: str, scheduler: str, name: str) -> list[tuple[float, float]]:
        """See the protocol."""
        rows = journal_table(self._journal(run), "metrics", ["scheduler", "name", "sample", "at_s", "value"])
        rows = rows.filter(pc.and_(pc.equal(rows["scheduler"], scheduler), pc.equal(rows["name"], name)))
        rows = rows.sort_by("sample")
        return list(zip(rows["at_s"].to_pylist(), rows["value"].to_pylist(), strict=True))

    def tasks(self, run: str, first: int, last: int) -> list[dict[str, Any]]:
        """See the protocol."""
        rows = journal_table(self._journal(run), "tasks", journal_columns("tasks"))
        rows = rows.filter(pc.and_(pc.greater_equal(rows["task"], first), pc.less(rows["task"], last)))
        return [_task(run, row) for row in rows.sort_by("task").to_pylist()]

    def result(self, run: str) -> dict[str, Any] | None:
        """See the protocol."""
        return self._journal(run).result()

    def row_counts(self, run: str) -> dict[str, int]:
        """See the protocol."""
        journal = self._journal(run)
        return {table: journal.rows(table) for table in JOURNALED}

    def rows(self, run: str) -> Generator[tuple[str, Any], None, None]:
        """See the protocol."""
        journal = self._journal(run)
        for table, end in journal.sizes().items():
            at = journal.first(table)
            while at < end and (lines := journal.read(table, at, end, BLOCK_BYTES)):
                yield table, _typed(journal, table, at, lines)
                at += len(lines)

    def _journal(self, run: str) -> JournalReader:
        folder = self._runs_dir / run
        if folder.parent != self._runs_dir or not (folder / "run.json").exists():
            raise no_such_run(run, str(self._runs_dir))
        return JournalReader(folder)


def _typed(journal: JournalReader, table: str, at: int, lines: bytes) -> Any:
    try:
        return typed_rows(table, lines)
    except BadRows as error:
        raise JournalError(
            f"{journal.path(table)} is damaged between the bytes {at:,} and {at + len(lines):,}: {error.reason}."
        ) from error


def _overview(journal: JournalReader) -> RunOverview:
    header, result = journal.header(), journal.result()
    means = ranked(_result_summaries(journal) or [])
    over = None if result is None else datetime.fromisoformat(result["finished_at"])
    return RunOverview(
        run=header.run,
        started_at=header.started_at,
        finished_at=over,
        status=_status(journal, result),
        app_version=header.app_version,
        workload=header.workload,
        cluster=header.cluster,
        seed=header.seed,
        tasks=header.tasks,
        schedulers=header.schedulers,
        digest=None if result is None else result["digest"],
        ranking=tuple(scheduler for _, scheduler in means),
        mean_response_s=tuple(mean_s for mean_s, _ in means),
        storage="csv",
    )


def _status(journal: JournalReader, result: dict[str, Any] | None) -> str:
    if result is not None:
        return str(result["status"])
    return "running" if journal.is_written() else "interrupted"


def _result_summaries(journal: JournalReader) -> list[dict[str, Any]] | None:
    result = journal.result()
    return None if result is None else [summary_row(journal.run, row) for row in result["schedulers"]]


def _task(run: str, row: dict[str, Any]) -> dict[str, Any]:
    arrays = {name: [kind(text) for text in row[name][1:-1].split(",") if text] for name, kind in _ARRAYS.items()}
    return {"run": run, **row, **arrays, "created_at": datetime.fromisoformat(row["created_at"])}
