"""Recorded runs as the database holds them (:class:`persistence.archive.RunArchive`)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

from persistence.again import asked_again
from persistence.archive import no_such_run
from persistence.comparison import WinLoss
from persistence.database.opening import Database
from persistence.database.repositories import (
    BULK,
    BulkRepository,
    MetricRepository,
    RunRepository,
    SchedulerResultRepository,
    TaskRepository,
)
from persistence.database.snapshot import snapshot
from persistence.figures import RunOverview, SchedulerStats, best_first, result_row, stats_of, summary_so_far
from persistence.journal.typed import typed_rows
from persistence.run import RunHeader

BLOCK_ROWS = 50_000
_OVER = ("finished", "stopped")


class DatabaseArchive:
    """Each call is a transaction on a connection of its own, which is made anew where our own server stops under it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asked_again
    def runs(self, limit: int) -> list[RunOverview]:
        """See the protocol."""
        with self._database.session() as cursor:
            return RunRepository(cursor).latest(limit)

    @asked_again
    def overview(self, run: str) -> RunOverview:
        """See the protocol."""
        with self._database.session() as cursor:
            return self._overview(cursor, run)

    @asked_again
    def header(self, run: str) -> RunHeader:
        """See the protocol."""
        with self._database.session() as cursor:
            header = RunRepository(cursor).header(run)
        if header is None:
            raise no_such_run(run, self._database.where)
        return header

    @asked_again
    def summaries(self, run: str) -> list[dict[str, Any]]:
        """See the protocol."""
        with self._database.session() as cursor:
            overview = self._overview(cursor, run)
            if overview.status in _OVER:
                return RunRepository(cursor).summaries(run)
            stats = SchedulerResultRepository(cursor).statistics(run)
        rows = [summary_so_far(run, overview.status, row) for row in stats]
        return sorted(rows, key=lambda row: str(row["scheduler"]))

    @asked_again
    def statistics(self, run: str) -> list[SchedulerStats]:
        """See the protocol."""
        with self._database.session() as cursor:
            summaries = RunRepository(cursor).summaries(run) if self._overview(cursor, run).status in _OVER else []
            if summaries:
                return best_first([stats_of(row) for row in summaries])
            return best_first(SchedulerResultRepository(cursor).statistics(run))

    @asked_again
    def statistics_of_rows(self, run: str) -> list[SchedulerStats]:
        """See the protocol."""
        with self._database.session() as cursor:
            self._overview(cursor, run)
            return best_first(SchedulerResultRepository(cursor).statistics(run))

    @asked_again
    def wins(self, run: str) -> WinLoss:
        """See the protocol."""
        with self._database.session() as cursor:
            return SchedulerResultRepository(cursor).wins(run, self._overview(cursor, run).schedulers)

    @asked_again
    def metric(self, run: str, scheduler: str, name: str) -> list[tuple[float, float]]:
        """See the protocol."""
        with self._database.session() as cursor:
            self._overview(cursor, run)
            return MetricRepository(cursor).series(run, scheduler, name)

    @asked_again
    def tasks(self, run: str, first: int, last: int) -> list[dict[str, Any]]:
        """See the protocol."""
        with self._database.session() as cursor:
            self._overview(cursor, run)
            return TaskRepository(cursor).of_run(run, first, last)

    @asked_again
    def result(self, run: str) -> dict[str, Any] | None:
        """See the protocol: the columns of ``run_summary``."""
        with self._database.session() as cursor:
            overview = self._overview(cursor, run)
            summaries = RunRepository(cursor).summaries(run)
        if overview.status not in _OVER or overview.finished_at is None:
            return None
        order = {name: place for place, name in enumerate(overview.schedulers)}
        summaries.sort(key=lambda row: order.get(row["scheduler"], len(order)))
        return {
            "status": overview.status,
            "finished_at": overview.finished_at.isoformat(),
            "digest": overview.digest,
            "tasks": overview.tasks,
            "schedulers": [result_row(row) for row in summaries],
        }

    @asked_again
    def row_counts(self, run: str) -> dict[str, int]:
        """See the protocol."""
        with self._database.session() as cursor:
            self._overview(cursor, run)
            return {repository.table: repository(cursor).count(run) for repository in BULK}

    def rows(self, run: str) -> Generator[tuple[str, Any], None, None]:
        """See the protocol: of one moment, also while a race writes more or a clean-up deletes.

        Where our own server stops meanwhile, it raises :class:`persistence.errors.OwnServerStopped`.
        """
        with snapshot(self._database) as ask:
            ask(lambda cursor: self._overview(cursor, run))
            ask(lambda cursor: TaskRepository(cursor).walk_by_key())
            for repository in BULK:
                after = None
                while lines := ask(partial(_lines, repository, run, after)):
                    rows = typed_rows(repository.table, lines)
                    after = [rows[name][-1].as_py() for name in repository.key()]
                    yield repository.table, rows

    def _overview(self, cursor: Any, run: str) -> RunOverview:
        overview = RunRepository(cursor).overview(run)
        if overview is None:
            raise no_such_run(run, self._database.where)
        return overview


def _lines(repository: type[BulkRepository], run: str, after: Sequence[Any] | None, cursor: Any) -> bytes:
    return repository(cursor).lines(run, after, BLOCK_ROWS)
