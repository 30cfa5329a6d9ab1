"""Which runs go, whether they may, and their end: rows and journal together, one run at a time."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.errors import InputError
from persistence.database.opening import Database
from persistence.database.repositories import RunRepository
from persistence.errors import StorageError
from persistence.figures import RunOverview
from persistence.filelock import FileLock
from persistence.journal.files import JournalReader
from persistence.recording.shipping import has_arrived
from persistence.storage import CLEANED_UP, RESULT

GOING_ON = "it is still going on"
NOT_ARRIVED = "its journal has not arrived in the database"
ELSEWHERE = "it is going on on another machine, or was cut there"
IN_USE = "its journal is in use"
GIVEN_UP = timedelta(days=1)
"""A race of another machine from which nothing was heard for so long may be cleaned up by its name."""
_CLEANING_S = 60.0


@dataclass(frozen=True, slots=True)
class Selection:
    """The runs to clean up: named ones, those beyond the newest ``keep_runs``, those begun before ``older_than``."""

    runs: tuple[str, ...] = ()
    keep_runs: int | None = None
    older_than: timedelta | None = None

    def __post_init__(self) -> None:
        if not self.runs and self.keep_runs is None and self.older_than is None:
            raise InputError("Say which runs are to be cleaned up: by name, by how many to keep, or by age.")
        if self.keep_runs is not None and self.keep_runs < 0:
            raise InputError(f"{self.keep_runs} runs cannot be kept; give 0 or more.")
        if self.older_than is not None and self.older_than < timedelta(0):
            raise InputError("The age of runs to clean up is below 0; give 0 or more.")

    def of(self, listed: Sequence[RunOverview]) -> list[RunOverview]:
        """Return which of all runs, newest first, are meant; raises :class:`InputError` for a name that is unknown."""
        missing = set(self.runs) - {row.run for row in listed}
        if missing:
            raise InputError(f"There is no run '{min(missing)}'. 'schedrace history' lists the runs.")
        oldest = None if self.older_than is None else datetime.now(UTC) - self.older_than
        return [
            row
            for place, row in enumerate(listed)
            if row.run in self.runs
            or (self.keep_runs is not None and place >= self.keep_runs)
            or (oldest is not None and row.started_at < oldest)
        ]


@dataclass(frozen=True, slots=True)
class CleanedRun:
    """A run that was (in a dry run: would be) cleaned up, with its rows by table, or ``kept`` with the reason."""

    run: str
    kept: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    journal_bytes: int = 0


class JournalCleaner:
    """Cleans up where the journals are the only data."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir

    def look(self, run: RunOverview, named: bool) -> CleanedRun:
        """Return what would go."""
        journal = JournalReader(self._runs_dir / run.run)
        if journal.is_written():
            return CleanedRun(run.run, GOING_ON)
        return CleanedRun(run.run, None, _rows(journal), _bytes(journal.folder))

    def clean(self, run: RunOverview, named: bool) -> CleanedRun:
        """Delete one run."""
        journal = JournalReader(self._runs_dir / run.run)
        lock = FileLock(journal.folder / "lock")
        if not lock.acquire():
            return CleanedRun(run.run, GOING_ON)
        try:
            cleaned = CleanedRun(run.run, None, _rows(journal), _bytes(journal.folder))
            _remove(journal.folder)
        finally:
            lock.release()
        return cleaned


class DatabaseCleaner:
    """Cleans up a database and the journals of this machine, each run in a transaction of its own.

    Only the rows of that run are locked, so that no race ever waits for it. Space in the database's files is used
    again after its own autovacuum.
    """

    def __init__(self, database: Database, runs_dir: Path) -> None:
        self._database = database
        self._runs_dir = runs_dir

    def problem(self) -> str | None:
        """Return why this role cannot clean up, None when it can."""
        with self._database.session() as cursor:
            if RunRepository(cursor).may_delete():
                return None
            cursor.execute("SELECT current_user")
            user = cursor.fetchone()[0]
        return (
            f"'{user}' may not delete in the database {self._database.where}, so nothing was cleaned up. Cleaning up "
            "is the right of another role: give the URL of one that may DELETE with --db-url."
        )

    def look(self, run: RunOverview, named: bool) -> CleanedRun:
        """Return what would go."""
        journal = JournalReader(self._runs_dir / run.run)
        here = journal.folder.exists()
        reason = GOING_ON if here and journal.is_written() else self._keep(run, named, journal)
        if reason:
            return CleanedRun(run.run, reason)
        with self._database.session(_CLEANING_S) as cursor:
            rows = RunRepository(cursor).rows(run.run)
        return CleanedRun(run.run, None, rows, _bytes(journal.folder) if here else 0)

    def clean(self, run: RunOverview, named: bool) -> CleanedRun:
        """Delete one run, first its rows, then its journal: cut in between, a replay does not bring it back."""
        journal = JournalReader(self._runs_dir / run.run)
        if not journal.folder.exists():
            reason = self._keep(run, named, journal)
            return CleanedRun(run.run, reason) if reason else CleanedRun(run.run, None, self._purge(run.run))
        lock = FileLock(journal.folder / "lock")
        if not lock.acquire():
            return CleanedRun(run.run, GOING_ON)
        try:
            reason = self._keep(run, named, journal)
            if reason:
                return CleanedRun(run.run, reason)
            size = _bytes(journal.folder)
            rows = self._purge(run.run)
            _remove(journal.folder)
        finally:
            lock.release()
        return CleanedRun(run.run, None, rows, size)

    def left(self) -> list[str]:
        """Return the runs that were cleaned up, on another machine or by a program that was cut, and whose journals
        are still here; never one that had not arrived in full."""
        with self._database.session() as cursor:
            offsets = RunRepository(cursor).offsets()
        found = []
        for path in sorted(self._runs_dir.glob("*/run.json")):
            of_run = dict(offsets.get(path.parent.name, {}))
            if of_run.pop(CLEANED_UP, 0) and has_arrived(JournalReader(path.parent), of_run):
                found.append(path.parent.name)
        return found

    def remove_left(self, run: str, dry_run: bool) -> CleanedRun:
        """Remove such a journal."""
        folder = self._runs_dir / run
        if dry_run:
            return CleanedRun(run, None, {}, _bytes(folder))
        lock = FileLock(folder / "lock")
        if not lock.acquire():
            return CleanedRun(run, IN_USE)
        try:
            size = _bytes(folder)
            _remove(folder)
        finally:
            lock.release()
        return CleanedRun(run, None, {}, size)

    def _keep(self, run: RunOverview, named: bool, journal: JournalReader) -> str | None:
        """Return why a run whose journal nobody writes must stay, or None."""
        with self._database.session() as cursor:
            repository = RunRepository(cursor)
            offsets = repository.offsets(run.run).get(run.run, {})
            if journal.folder.exists():
                return None if has_arrived(journal, offsets) else NOT_ARRIVED
            if offsets.get(RESULT, 0) >= 1:
                return None  # its machine has shipped all of it
            given_up = named and repository.silent_for(run.run) > GIVEN_UP
            return None if given_up else ELSEWHERE

    def _purge(self, run: str) -> dict[str, int]:
        with self._database.session(_CLEANING_S) as cursor:
            cursor.execute("SET LOCAL statement_timeout = '60s'")
            return RunRepository(cursor).purge(run)


def _rows(journal: JournalReader) -> dict[str, int]:
    return {table: journal.rows(table) for table in journal.sizes()}


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _remove(folder: Path) -> None:
    """Remove a journal; from the first step on it is none any more, also when the rest is cut."""
    try:
        (folder / "run.json").unlink(missing_ok=True)
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"The journal {folder} could not be removed: {error.strerror or error}. Remove the folder by hand."
        ) from error
