"""The one door to what is recorded, for everything that is not a running race."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.records import FinishedTasks
from engine.training import TrainingSamples
from persistence.database.opening import Database, open_database
from persistence.database.repositories import (
    MetricRepository,
    RunRepository,
    SchedulerResultRepository,
    TrainingDataRepository,
)
from persistence.errors import StorageError
from persistence.figures import SchedulerStats
from persistence.filelock import FileLock
from persistence.journal.files import JournalReader
from persistence.journal.rows import result_rows, sample_rows, timestamp
from persistence.journal.stats import journal_stats
from persistence.recording.shipping import has_arrived
from persistence.settings import StorageSettings
from persistence.window import RecordedWindow, TrainingReader

WINDOW = 1000
_CLEANING_S = 60.0


@dataclass(frozen=True, slots=True)
class CleanedRun:
    """A run that was (or, in a dry run, would be) cleaned up, or ``kept`` with the reason."""

    run: str
    kept: str | None = None


class SimulationDataService:
    """Reads and writes recorded data. Without a database (None) it answers from the journals what they can answer."""

    def __init__(self, settings: StorageSettings, database: Database | None) -> None:
        self.settings = settings
        self.database = database
        self._reader = TrainingReader(database, settings.runs_dir)

    @staticmethod
    def open(settings: StorageSettings) -> SimulationDataService:
        """Return the service on the database of the settings; on the journals alone where they want no database.

        Raises :class:`StorageError` when the database does not answer.
        """
        wanted = settings.kind in ("auto", "postgresql")
        return SimulationDataService(settings, open_database(settings) if wanted else None)

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()
        if self.database is not None:
            self.database.engine.dispose()

    def save_training_data_batch(self, run: str, scheduler: str, samples: TrainingSamples) -> None:
        """Store samples of a known run; those that are there already are left alone."""
        rows = sample_rows([(scheduler, samples, timestamp())])
        with self._transaction() as cursor:
            repository = TrainingDataRepository(cursor)
            repository.prepare()
            repository.upsert(run, rows)

    def get_latest_training_data(self, run: str, scheduler: str, up_to: int, limit: int = WINDOW) -> TrainingSamples:
        """Return the last ``limit`` samples with a completion of at most ``up_to``, oldest first.

        From the database, completed from the journal; from the journal alone without an answer within 50 ms.
        """
        return self._reader.latest(run, scheduler, up_to, limit)

    def training_window(self, run: str, scheduler: str) -> RecordedWindow:
        """Return that window for an estimator of another process, or of a later race that starts warm.

        A race reads its own samples from memory, which hold the same rows (:class:`engine.training.TrainingLog`).
        """
        return RecordedWindow(self._reader, run, scheduler)

    def save_scheduler_results(self, run: str, finished: FinishedTasks, device_ids: Sequence[str]) -> None:
        """Store results of a known run; those that are there already are left alone."""
        rows = result_rows([(finished, timestamp())], device_ids)
        with self._transaction() as cursor:
            repository = SchedulerResultRepository(cursor)
            repository.prepare()
            repository.upsert(run, rows)

    def get_scheduler_stats(self, run: str) -> list[SchedulerStats]:
        """Return how each scheduler of a run did, fastest mean response first."""
        if self.database is None:
            return journal_stats(JournalReader(self.settings.runs_dir / run))
        with self._transaction() as cursor:
            return SchedulerResultRepository(cursor).statistics(run)

    def get_metric(self, run: str, scheduler: str, name: str) -> list[tuple[float, float]]:
        """Return (simulated time, value) of a metric of one scheduler."""
        with self._transaction() as cursor:
            return MetricRepository(cursor).series(run, scheduler, name)

    def get_runs(self, limit: int = 50) -> list[dict[str, Any]]:
        """Return the last runs in the database, newest first."""
        with self._transaction() as cursor:
            return RunRepository(cursor).latest(limit)

    def get_run_summary(self, run: str) -> list[dict[str, Any]]:
        """Return a finished run's results by scheduler."""
        with self._transaction() as cursor:
            return RunRepository(cursor).summaries(run)

    def cleanup_old_data(
        self, *, keep_runs: int | None = None, older_than: timedelta | None = None, dry_run: bool = False
    ) -> list[CleanedRun]:
        """Delete the runs beyond the newest ``keep_runs`` and those that began longer ago than ``older_than``.

        Run by run, rows and journal; never a run that is going on, nor one whose journal has not arrived.
        """
        with self._transaction() as cursor:
            runs = RunRepository(cursor).latest(1_000_000)
            offsets = RunRepository(cursor).offsets()
        oldest = None if older_than is None else datetime.now(UTC) - older_than
        cleaned = []
        for place, row in enumerate(runs):
            too_many = keep_runs is not None and place >= keep_runs
            if too_many or (oldest is not None and row["started_at"] < oldest):
                reason = self._keep_reason(row, offsets.get(row["run"], {}))
                if reason is None and not dry_run:
                    reason = self._clean(row["run"])
                cleaned.append(CleanedRun(row["run"], reason))
        return cleaned

    def _keep_reason(self, row: dict[str, Any], offsets: dict[str, int]) -> str | None:
        journal = JournalReader(self.settings.runs_dir / row["run"])
        if not journal.folder.exists():
            return "it is still going on" if row["status"] == "running" else None
        if journal.is_written():
            return "it is still going on"
        return None if has_arrived(journal, offsets) else "its journal has not arrived in the database"

    def _clean(self, run: str) -> str | None:
        folder = self.settings.runs_dir / run
        lock = FileLock(folder / "lock") if folder.exists() else None
        if lock is not None and not lock.acquire():
            return "its journal is in use"
        try:
            with self._transaction(_CLEANING_S) as cursor:
                cursor.execute("SET LOCAL statement_timeout = '60s'")
                RunRepository(cursor).purge(run)
            if lock is not None:
                shutil.rmtree(folder)
        finally:
            if lock is not None:
                lock.release()
        return None

    @contextlib.contextmanager
    def _transaction(self, limit_s: float = 10.0) -> Iterator[Any]:
        if self.database is None:
            raise StorageError("This needs a database, and the settings choose CSV alone. Choose another storage.")
        connection = self.database.connect()
        try:
            with self.database.transaction(connection, limit_s) as cursor:
                yield cursor
        finally:
            connection.close()
