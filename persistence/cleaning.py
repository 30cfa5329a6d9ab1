"""Which runs go, whether they may, and their end: rows and journal together, one run at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from engine.errors import InputError
from persistence.again import asked_again
from persistence.database.opening import Database
from persistence.database.repositories import RunRepository
from persistence.errors import JournalError
from persistence.figures import RunOverview
from persistence.filelock import FileLock
from persistence.journal.reader import JournalReader
from persistence.recording.shipping import has_arrived
from persistence.recording.wanted_again import believed
from persistence.removing import end_journal, remove_folder, remove_remains
from persistence.storage import CLEANED_UP, RESULT

GOING_ON = "it is still going on"
IN_USE = "another SchedRace is shipping or resuming it"
NOT_ARRIVED = "its journal has not arrived in the database"
ELSEWHERE = "it is going on on another machine, or was cut there"
GONE = "another SchedRace has cleaned it up already"
GIVEN_UP = timedelta(days=1)
"""A race of another machine from which nothing was heard for so long may be cleaned up by its name."""
_CLEANING_S = 60.0


@dataclass(frozen=True, slots=True)
class Selection:
    """The runs to clean up: the named ones, and those that neither count nor age keeps.

    ``keep_runs`` keeps that many of the newest, ``older_than`` keeps what began later than so long ago; with both, a
    run goes only when neither keeps it.
    """

    runs: tuple[str, ...] = ()
    keep_runs: int | None = None
    older_than: timedelta | None = None

    def __post_init__(self) -> None:
        if not self.runs and not self.by_rule:
            raise InputError("Say which runs are to be cleaned up: by name, by how many to keep, or by age.")
        if self.keep_runs is not None and self.keep_runs < 0:
            raise InputError(f"{self.keep_runs} runs cannot be kept; give 0 or more.")
        if self.older_than is not None and self.older_than < timedelta(0):
            raise InputError("The age of runs to clean up is below 0; give 0 or more.")

    @property
    def by_rule(self) -> bool:
        """Whether runs are meant that are not named."""
        return self.keep_runs is not None or self.older_than is not None

    def of(self, listed: Sequence[RunOverview], also: Collection[str] = ()) -> list[RunOverview]:
        """Return which of all runs, newest first, are meant; raises :class:`InputError` for a name that is neither
        among them nor in ``also``."""
        known = {row.run for row in listed} | set(also)
        for name in self.runs:
            if name not in known:
                # no guess what else was meant: it would be deleted
                raise InputError(
                    f"There is no run '{name}', so nothing was deleted. 'schedrace history' lists the runs."
                )
        kept = self.kept(listed)
        return [row for row in listed if row.run in self.runs or (self.by_rule and row.run not in kept)]

    def kept(self, listed: Sequence[RunOverview]) -> dict[str, str]:
        """Return of all runs, newest first, those that the rule keeps, with the reason. The newest are those that are
        over: one that is still going on takes no place of them."""
        if not self.by_rule:
            return {}
        kept: dict[str, str] = {}
        since = None if self.older_than is None else datetime.now(UTC) - self.older_than
        over = 0
        for place, row in enumerate(listed):
            running = row.status == "running"
            if self.keep_runs is not None and (place if running else over) < self.keep_runs:
                kept[row.run] = GOING_ON if running else _among_the_newest(self.keep_runs)
            elif since is not None and row.started_at >= since:
                kept[row.run] = "it is younger than asked for"
            over += not running
        return {run: reason for run, reason in kept.items() if run not in self.runs}


def _among_the_newest(runs: int) -> str:
    return "it is the newest that is over" if runs == 1 else f"it is among the newest {runs:,} that are over"


@dataclass(frozen=True, slots=True)
class CleanedRun:
    """A run that was (in a dry run: would be) cleaned up, with its rows by table, or ``kept`` with the reason."""

    run: str
    kept: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    journal_bytes: int = 0


class Cleaner(Protocol):
    """Cleans up one run at a time; ``named``: somebody has asked for this very run.

    What keeps a run, or its files from being removed, is in the answer; raises :class:`StorageError` when the database
    does not answer.
    """

    def look(self, run: str, named: bool) -> CleanedRun:
        """Return what would go."""

    def clean(self, run: str, named: bool) -> CleanedRun:
        """Delete it."""


class JournalCleaner:
    """Cleans up where the journals are the only data."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir

    def look(self, run: str, named: bool) -> CleanedRun:
        """See the protocol."""
        journal = JournalReader(self._runs_dir / run)
        return _kept(run, journal) or CleanedRun(run, None, _rows(journal), _bytes(journal.folder))

    def clean(self, run: str, named: bool) -> CleanedRun:
        """See the protocol."""
        journal = JournalReader(self._runs_dir / run)
        with _held(journal) as reason:
            if reason:
                return CleanedRun(run, reason)
            cleaned = CleanedRun(run, None, _rows(journal), _bytes(journal.folder))
            end_journal(journal.folder)
        remove_folder(journal.folder)
        return cleaned


class DatabaseCleaner:
    """Cleans up a database and the journals of this machine, each run in a transaction of its own.

    Only the rows of that run are locked, and no row of one that is going on, so that no race ever waits for it. Space
    in the database's files is used again after its own autovacuum.
    """

    def __init__(self, database: Database, runs_dir: Path) -> None:
        self._database = database
        self._runs_dir = runs_dir

    @asked_again
    def problem(self) -> str | None:
        """Return why this role cannot clean up, None when it can."""
        with self._database.session() as cursor:
            repository = RunRepository(cursor)
            if repository.may_delete():
                return None
            user = repository.user()
        return (
            f"'{user}' may not delete in the database {self._database.where}, so nothing was cleaned up. Cleaning up "
            "is the right of another role: give the URL of one that may DELETE with --db-url."
        )

    @asked_again
    def look(self, run: str, named: bool) -> CleanedRun:
        """See the protocol."""
        journal = JournalReader(self._runs_dir / run)
        here = is_here(journal)
        if here and (kept := _kept(run, journal)):
            return kept
        with self._database.session(_CLEANING_S) as cursor:
            repository = RunRepository(cursor)
            if reason := _why_not(repository, journal, named):
                return CleanedRun(run, reason)
            return CleanedRun(run, None, repository.rows(run), _bytes(journal.folder) if here else 0)

    def clean(self, run: str, named: bool) -> CleanedRun:
        """See the protocol. First its rows, then its journal: cut in between, a replay does not bring it back."""
        journal = JournalReader(self._runs_dir / run)
        if not is_here(journal):
            return self._purged(journal, named)
        with _held(journal) as reason:
            if reason:
                return CleanedRun(run, reason)
            size = _bytes(journal.folder)
            cleaned = self._purged(journal, named, size)
            if cleaned.kept:
                return cleaned
            end_journal(journal.folder)
        remove_folder(journal.folder)
        return cleaned

    @asked_again
    def left(self) -> list[str]:
        """Return the runs that were cleaned up, on another machine or by a program that was cut, and whose journals
        are still here; never one that had not arrived in full."""
        with self._database.session() as cursor:
            offsets = RunRepository(cursor).offsets()
        found = []
        for path in sorted(self._runs_dir.glob("*/run.json")):
            of_run = offsets.get(path.parent.name, {})
            with contextlib.suppress(JournalError):  # it is not known whether it has arrived: it stays
                if CLEANED_UP in of_run and _arrived(JournalReader(path.parent), of_run):
                    found.append(path.parent.name)
        return found

    @asked_again
    def _purged(self, journal: JournalReader, named: bool, journal_bytes: int = 0) -> CleanedRun:
        with self._database.session(_CLEANING_S) as cursor:
            repository = RunRepository(cursor)
            reason = _why_not(repository, journal, named)
            if not reason:
                repository.hold(journal.run)
                reason = _why_not(repository, journal, named)  # it may have been resumed elsewhere until just now
            if reason:
                return CleanedRun(journal.run, reason)
            return CleanedRun(journal.run, None, repository.purge(journal.run), journal_bytes)


def clean_runs(
    cleaner: Cleaner,
    runs_dir: Path,
    chosen: Iterable[str],
    named: Collection[str] = (),
    kept: Mapping[str, str] = MappingProxyType({}),
    dry_run: bool = False,
    tell: Callable[[CleanedRun], object] = lambda cleaned: None,
    go_on: Callable[[], bool] = lambda: True,
) -> list[CleanedRun]:
    """Clean up one run after the other; ``tell`` hears of each, and ``go_on`` is asked before it.

    Of the chosen, those that are ``kept`` stay, for the reason given there. A run whose files cannot be had is kept
    too, with the reason, and stops no other.
    """
    if not dry_run:
        remove_remains(runs_dir)
    cleaned = []
    for run in chosen:
        if not go_on():
            break
        try:
            if run in kept:
                cleaned.append(CleanedRun(run, kept[run]))
            else:
                cleaned.append((cleaner.look if dry_run else cleaner.clean)(run, run in named))
        except JournalError as error:
            cleaned.append(CleanedRun(run, str(error)))
        tell(cleaned[-1])
    return cleaned


def is_here(journal: JournalReader) -> bool:
    """Whether a run has a journal in this data folder."""
    return (journal.folder / "run.json").exists()


def _why_not(repository: RunRepository, journal: JournalReader, named: bool) -> str | None:
    """Return why a run whose journal nobody writes must stay, or None."""
    offsets = repository.offsets(journal.run).get(journal.run, {})
    if is_here(journal):
        return None if _arrived(journal, offsets) else NOT_ARRIVED
    if CLEANED_UP in offsets:
        return GONE
    if offsets.get(RESULT, 0) >= 1:
        return None  # its machine has shipped all of it
    given_up = named and repository.silent_for(journal.run) > GIVEN_UP
    return None if given_up else ELSEWHERE


def _arrived(journal: JournalReader, offsets: Mapping[str, int]) -> bool:
    """Whether all of a journal has arrived, be it cleaned up since or not."""
    offsets = believed(journal, offsets)
    return has_arrived(journal, {table: offset for table, offset in offsets.items() if table != CLEANED_UP})


def _kept(run: str, journal: JournalReader) -> CleanedRun | None:
    """Return the answer for a journal that cannot be had now, None for one that nobody has."""
    with _held(journal) as reason:
        return CleanedRun(run, reason) if reason else None


@contextlib.contextmanager
def _held(journal: JournalReader) -> Iterator[str | None]:
    """Keep everybody else from a journal; yield None, or the reason why it cannot be had."""
    lock = FileLock(journal.folder / "lock")
    try:
        free = lock.acquire()
    except FileNotFoundError:
        yield GONE
        return
    except OSError as error:
        yield f"its lock cannot be opened: {error.strerror or error}"
        return
    try:
        if not free:
            yield GOING_ON if journal.result() is None else IN_USE
        else:
            yield None if is_here(journal) else GONE  # who had the lock before may have removed it
    finally:
        lock.release()


def _rows(journal: JournalReader) -> dict[str, int]:
    return {table: journal.rows(table) for table in journal.sizes()}


def _bytes(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise JournalError(f"The journal {folder} cannot be read: {error.strerror or error}.") from error
