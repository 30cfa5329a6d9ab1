"""The one door to what is recorded, for everything that is not a running race."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from engine.errors import InputError, did_you_mean
from engine.records import FinishedTasks
from engine.training import TrainingSamples
from persistence.again import asked_again
from persistence.archive import RunArchive
from persistence.cleaning import (
    CleanedRun,
    Cleaner,
    DatabaseCleaner,
    JournalCleaner,
    Selection,
    clean_runs,
)
from persistence.comparison import SchedulerComparison, WinLoss, compare
from persistence.database.archive import DatabaseArchive
from persistence.database.opening import Database, open_database
from persistence.database.repositories import RunRepository, SchedulerResultRepository, TrainingDataRepository
from persistence.errors import StorageError
from persistence.figures import RunOverview, SchedulerStats
from persistence.folder import check_usable
from persistence.journal.archive import JournalArchive
from persistence.journal.reader import JournalReader
from persistence.journal.rows import result_rows, sample_rows, timestamp
from persistence.recording.shipping import has_arrived
from persistence.recording.wanted_again import believed, is_wanted_again
from persistence.run import RunHeader
from persistence.settings import StorageSettings
from persistence.storage import CLEANED_UP
from persistence.window import RecordedWindow, TrainingReader

WINDOW = 1000
LAST = "last"
_ALL = 1_000_000_000


class SimulationDataService:
    """Reads and writes recorded data, from two sources with equal answers.

    A run is answered by the database where that holds all of it, else by its journal on this machine: one that has not
    arrived (the database is away, or behind), whose rows a database refused, or all runs where there is no database.
    ``why_csv`` says why the journals answer alone although a database was wanted, else it is None.
    """

    def __init__(self, settings: StorageSettings, database: Database | None, why_csv: str | None = None) -> None:
        self.settings = settings
        self.database = database
        self.why_csv = why_csv
        self._journals = JournalArchive(settings.runs_dir)
        self._reader = TrainingReader(database, settings.runs_dir)

    @staticmethod
    def open(settings: StorageSettings) -> SimulationDataService:
        """Return the service on the database of the settings; on the journals alone where they want no database, or
        want one only where there is one (``auto``) and it does not answer.

        Raises :class:`StorageError` when the database that was asked for does not answer, or where there can be no
        data folder.
        """
        check_usable(settings.data_dir)
        if settings.kind not in ("auto", "postgresql"):
            return SimulationDataService(settings, None)
        try:
            return SimulationDataService(settings, open_database(settings))
        except StorageError as error:
            if settings.kind == "postgresql":
                raise
            return SimulationDataService(settings, None, str(error))

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()
        if self.database is not None:
            self.database.engine.dispose()

    @asked_again
    def save_training_data_batch(self, run: str, scheduler: str, samples: TrainingSamples) -> None:
        """Store samples of a known run; those that are there already are left alone."""
        rows = sample_rows([(scheduler, samples, timestamp())])
        with self._wanted_database().session() as cursor:
            repository = TrainingDataRepository(cursor)
            repository.prepare()
            repository.upsert(run, rows)

    def get_latest_training_data(
        self, run: str | None = None, scheduler: str | None = None, up_to: int = _ALL, limit: int = WINDOW
    ) -> TrainingSamples:
        """Return the last ``limit`` samples of a scheduler with a completion of at most ``up_to``, oldest first.

        From the database, completed from the journal; from the journal alone without an answer within 50 ms.

        Without a run: the last samples of all runs and schedulers, by when they were recorded, to start a learner warm.
        Only runs of the same features and device models as the newest one count; ``sample``, ``completion`` and
        ``task`` are then those of different runs.
        """
        if run is None:
            return self._reader.newest(limit)
        if scheduler is None:
            raise InputError(f"The training window of the run '{run}' is one scheduler's. Name the scheduler.")
        return self._reader.latest(run, scheduler, up_to, limit)

    def training_window(self, run: str, scheduler: str) -> RecordedWindow:
        """Return that window for an estimator of another process, or of a later race that starts warm.

        A race reads its own samples from memory, which hold the same rows (:class:`engine.training.TrainingLog`).
        """
        return RecordedWindow(self._reader, run, scheduler)

    @asked_again
    def save_scheduler_results(self, run: str, finished: FinishedTasks, device_ids: Sequence[str]) -> None:
        """Store results of a known run; those that are there already are left alone."""
        rows = result_rows([(finished, timestamp())], device_ids)
        with self._wanted_database().session() as cursor:
            repository = SchedulerResultRepository(cursor)
            repository.prepare()
            repository.upsert(run, rows)

    def get_runs(self, limit: int = 50) -> list[RunOverview]:
        """Return the last runs, newest first: of the database, and those that have only a journal here."""
        if self.database is None:
            return self._journals.runs(limit)
        listed = DatabaseArchive(self.database).runs(limit)
        here = set(self._journals.names())
        only_here = here - self._known(here)
        behind = {row.run for row in listed if row.status == "running"} & here  # its end may have been written since
        behind |= {run for run in here if is_wanted_again(JournalReader(self.settings.runs_dir / run))}
        from_journals = self._journals.overviews(only_here | behind)
        rows = [row for row in listed if row.run not in behind] + from_journals
        return sorted(rows, key=lambda row: (row.started_at, row.run), reverse=True)[:limit]

    def named(self, run: str) -> str:
        """Return the run that a user means: one that is there, or ``last``; raises :class:`InputError`."""
        if run != LAST:
            try:
                return self._archive(run).overview(run).run
            except InputError as error:
                raise InputError(f"{error}{did_you_mean(run, [row.run for row in self.get_runs(5)])}") from error
        runs = self.get_runs(1)
        if not runs:
            raise InputError("Nothing is recorded yet, so there is no last run. Record one with: schedrace race")
        return runs[0].run

    def get_run(self, run: str) -> RunOverview:
        """Return one line of the list of runs."""
        return self._archive(run).overview(run)

    def get_run_header(self, run: str) -> RunHeader:
        """Return what a run was started with."""
        return self._archive(run).header(run)

    def get_run_summary(self, run: str) -> list[dict[str, Any]]:
        """Return a run's results by scheduler; while it is going on (or was cut), what its rows tell so far."""
        return self._archive(run).summaries(run)

    def get_scheduler_stats(self, run: str, *, live: bool = False) -> list[SchedulerStats]:
        """Return how each scheduler of a run did, best mean response first.

        From the summary of a run that is over, from its rows otherwise; ``live`` always aggregates the rows.
        """
        archive = self._archive(run)
        return archive.statistics_of_rows(run) if live else archive.statistics(run)

    def compare_runs(self, first: str, second: str) -> list[SchedulerComparison]:
        """Return the schedulers that raced in both runs, with the figures of each."""
        return compare(self.get_scheduler_stats(first), self.get_scheduler_stats(second))

    def get_wins(self, run: str) -> WinLoss:
        """Return on how many tasks each scheduler of a run finished sooner than each other one."""
        return self._archive(run).wins(run)

    def get_metric(self, run: str, scheduler: str, name: str) -> list[tuple[float, float]]:
        """Return (simulated time, value) of a metric of one scheduler."""
        return self._archive(run).metric(run, scheduler, name)

    def get_tasks(self, run: str, first: int = 0, last: int = _ALL) -> list[dict[str, Any]]:
        """Return the tasks ``first`` to ``last`` (excluded) of a run, by column."""
        return self._archive(run).tasks(run, first, last)

    def get_result(self, run: str) -> dict[str, Any] | None:
        """Return what ``result.json`` of a run holds, None while it is not over.

        A journal on this machine knows all of it, the database the columns of its summaries.
        """
        journal = JournalReader(self.settings.runs_dir / run)
        archive = self._archive(run)
        archive.overview(run)
        return (journal.result() if journal.folder.exists() else None) or archive.result(run)

    def get_row_counts(self, run: str) -> dict[str, int]:
        """Return how many rows of a run each table holds."""
        return self._archive(run).row_counts(run)

    def get_rows(self, run: str) -> Generator[tuple[str, Any], None, None]:
        """Yield all rows of a run as (table, typed ``pyarrow.Table``), block by block, in no order that tells anything.

        The memory that it takes does not grow with the run. To be closed when not read to the end. Where our own server
        stops meanwhile, it raises :class:`persistence.errors.OwnServerStopped`: ask for all of them again.
        """
        return self._archive(run).rows(run)

    def cleanup_problem(self) -> str | None:
        """Return why nothing can be cleaned up here, None when it can."""
        if self.database is not None:
            return DatabaseCleaner(self.database, self.settings.runs_dir).problem()
        if self.settings.kind == "csv":
            return None
        nothing = self.settings.kind == "none"
        where = (
            "Nothing is recorded, as the settings ask." if nothing else f"'{self.settings.kind}' keeps its own rows."
        )
        reason = self.why_csv or where
        return (
            f"{reason} Nothing was cleaned up, because journals may not have arrived. To delete journals for good all "
            "the same, choose the storage csv (--storage csv)."
        )

    def cleanup_old_data(
        self,
        *,
        runs: Sequence[str] = (),
        keep_runs: int | None = None,
        older_than: timedelta | None = None,
        dry_run: bool = False,
        tell: Callable[[CleanedRun], object] = lambda cleaned: None,
        go_on: Callable[[], bool] = lambda: True,
    ) -> list[CleanedRun]:
        """Delete the named runs, and those that neither ``keep_runs`` nor ``older_than`` keeps
        (:class:`persistence.cleaning.Selection`). With ``dry_run`` those that they keep are in the answer too.

        Rows and journal, oldest first, each run in its own transaction; ``tell`` hears of each, and ``go_on`` is asked
        before it. Never one that is going on, nor one whose journal has not arrived (with CSV alone the journal is the
        data): these are in the answer as kept. Raises :class:`StorageError` where nothing can be cleaned up.
        """
        selection = Selection(tuple(runs), keep_runs, older_than)
        problem = self.cleanup_problem()
        if problem and not (dry_run and self.database is not None):
            raise StorageError(problem)
        runs_dir = self.settings.runs_dir
        left: list[str] = []
        cleaner: Cleaner = JournalCleaner(runs_dir)
        if self.database is not None:
            cleaner = DatabaseCleaner(self.database, runs_dir)
            left = cleaner.left()
        listed = self.get_runs(_ALL)
        kept = selection.kept(listed) if dry_run else {}
        meant = {row.run for row in selection.of(listed, left)}
        chosen = [row.run for row in reversed(listed) if row.run in meant or row.run in kept]
        chosen += [run for run in left if selection.by_rule or run in selection.runs]
        return clean_runs(cleaner, runs_dir, chosen, selection.runs, kept, dry_run, tell, go_on)

    def _archive(self, run: str) -> RunArchive:
        if self.database is None:
            return self._journals
        journal = JournalReader(self.settings.runs_dir / run)
        if (journal.folder / "run.json").exists() and self._database_lacks(journal):
            return self._journals
        return DatabaseArchive(self.database)

    @asked_again
    def _known(self, runs: Collection[str]) -> set[str]:
        with self._wanted_database().session() as cursor:
            return RunRepository(cursor).known(sorted(runs))

    @asked_again
    def _database_lacks(self, journal: JournalReader) -> bool:
        with self._wanted_database().session() as cursor:
            offsets: Mapping[str, int] = RunRepository(cursor).offsets(journal.run).get(journal.run, {})
        offsets = believed(journal, offsets)
        if CLEANED_UP in offsets:
            return False
        return not has_arrived(journal, offsets) or any(journal.rejected(table) for table in journal.sizes())

    def _wanted_database(self) -> Database:
        if self.database is None:
            raise StorageError("This needs a database, and the settings choose CSV alone. Choose another storage.")
        return self.database
