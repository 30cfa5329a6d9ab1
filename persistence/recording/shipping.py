"""From the journal into the storage: what has not arrived, in order, exactly once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.errors import SchedRaceError
from persistence.again import asked_again
from persistence.errors import JournalBusy, JournalError, StorageError
from persistence.journal.files import Journal
from persistence.journal.reader import JournalReader
from persistence.recording.wanted_again import begin, believed, is_wanted_again, told
from persistence.schema import JOURNALED
from persistence.storage import CLEANED_UP, RESULT, Storage, StoragePlugin, Taken

REPLAY_RETRY_S = 5.0
CHUNK_BYTES = 1 << 20  # catching up: 193,000 rows/s with 1 MiB, hardly more with 8 (measured)
FIRST_CHUNK_BYTES = 1 << 16  # what a slow line carries before the connection is taken for dead
QUICK_S = 0.5

_log = logging.getLogger(__name__)


def ship(
    consumer: StoragePlugin,
    journal: Journal,
    offsets: dict[str, int],
    arrived: Callable[[str, Taken], None],
    go_on: Callable[[], bool],
) -> None:
    """Ship all durable rows behind ``offsets`` (which it advances), until ``go_on`` says no.

    Rows that the storage refuses for ever are set aside in the journal's folder and never block the others.
    """
    run = journal.run
    limit = FIRST_CHUNK_BYTES
    ends = dict(journal.written if consumer.is_journal else journal.shippable())
    for table in JOURNALED:
        end = ends.get(table, 0)
        at = max(offsets.get(table, 0), journal.first(table))
        while at < end and go_on():
            rows = journal.read(table, at, end, limit)
            at += len(rows)
            began = time.monotonic()
            taken = consumer.take(run, table, rows, at)
            limit = _next_limit(limit, time.monotonic() - began)
            for row, reason in taken.rejected:
                journal.reject(table, row, reason)
            offsets[table] = at
            arrived(table, taken)


def _next_limit(limit: int, took_s: float) -> int:
    """Return how many bytes the next chunk may have, from how long the last one took."""
    return min(2 * limit, CHUNK_BYTES) if took_s < QUICK_S else max(limit // 2, FIRST_CHUNK_BYTES)


def go_on_from(journal: Journal, stored: Mapping[str, int], shipped: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return from which byte of each table on rows are to be shipped, when a storage has ``stored`` so far.

    That is not to be believed of a journal that has lost its end since (a disk that lies about fdatasync, a backup that
    was put back), nor of one that was resumed after that: other rows may stand there now. It comes again from its first
    byte, and what is there already is left alone. ``shipped`` is how far this process has got before.
    """
    if shipped is not None:
        return {table: min(stored.get(table, 0), end) for table, end in shipped.items()}
    if journal.resumed_before:
        return {}
    return {table: at for table, at in stored.items() if at <= journal.opened.get(table, 0)}


def has_arrived(journal: JournalReader, offsets: Mapping[str, int]) -> bool:
    """Whether a storage holds everything of a journal that nobody writes any more, or shall not hold it."""
    offsets = believed(journal, offsets)
    if CLEANED_UP in offsets:
        return True
    # not more either: it has lost its end, and how far it has arrived must be found out again
    tables = all(offsets.get(table, 0) == size for table, size in journal.sizes().items())
    needed = 1 if journal.result() is None else 2
    return tables and offsets.get(RESULT, 0) >= needed


@dataclass(slots=True)
class LeftBehind:
    """What :func:`ship_left_behind` did: runs and rows that have arrived by it, and what went wrong, as sentences."""

    runs: int = 0
    rows: int = 0
    problems: list[str] = field(default_factory=list)


def ship_left_behind(
    storage: Storage, go_on: Callable[[], bool] = lambda: True, moved: Callable[[int], object] = lambda rows: None
) -> LeftBehind:
    """Replay every journal of the data folder that has not arrived and that nobody writes; to be run in background.

    ``moved`` hears how many rows have arrived by it.

    Raises :class:`persistence.errors.StorageError` when the storage does not answer.
    """
    report = LeftBehind()
    _ship_all(storage, report, go_on, moved)
    return report


@asked_again
def _ship_all(storage: Storage, report: LeftBehind, go_on: Callable[[], bool], moved: Callable[[int], object]) -> None:
    if not go_on():
        return
    report.problems.clear()
    consumer = storage.connect()
    try:
        known = consumer.offsets()
        for folder in journal_folders(storage):
            if not go_on():
                break
            try:
                _ship_one(consumer, folder, known.get(folder.run, {}), report, go_on, moved)
            except JournalBusy:
                continue  # its race goes on, or somebody else replays it right now
            except JournalError as error:
                report.problems.append(str(error))
    finally:
        consumer.close()


class BackgroundReplay:
    """Runs :func:`ship_left_behind` in a thread of its own until it has worked once, or until it is stopped; then it
    cleans up as the settings ask, of which ``tell`` hears a sentence (in that thread)."""

    def __init__(self, storage: Storage, tell: Callable[[str], object]) -> None:
        self._storage = storage
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self._thread.start()

    def stop(self, wait_s: float) -> None:
        """End it after the chunk, or the run, that is on its way; the rest stays for the next start."""
        self._stopping.set()
        self.ended(wait_s)

    def ended(self, wait_s: float) -> bool:
        """Wait so long for its end; return whether it has come."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                report = ship_left_behind(self._storage, lambda: not self._stopping.is_set())
            except StorageError:
                self._stopping.wait(REPLAY_RETRY_S)  # the recorder of the running race says what is wrong
                continue
            except Exception:  # a defect in a storage plugin; the journals keep everything
                _log.exception("What earlier runs left behind could not be shipped")
                return
            for problem in report.problems:
                _log.warning("%s", problem)
            self._clean_up()
            return

    def _clean_up(self) -> None:
        settings = self._storage.settings
        if settings.keep_runs is None and settings.keep_days is None:
            return
        from persistence.retention import clean_by_retention  # the database's library, only where it is needed

        try:
            if sentence := clean_by_retention(settings, lambda: not self._stopping.is_set()):
                self._tell(sentence)
        except SchedRaceError as error:
            _log.warning("%s", error)
        except Exception:  # a defect must not end a thread in silence; the runs stay
            _log.exception("Old runs could not be cleaned up")


def journal_folders(storage: Storage) -> list[JournalReader]:
    """Return all journals of the data folder, oldest first."""
    folders = sorted(path.parent for path in storage.settings.runs_dir.glob("*/run.json"))
    return [JournalReader(folder) for folder in folders]


def _ship_one(
    consumer: StoragePlugin,
    reader: JournalReader,
    known: Mapping[str, int],
    report: LeftBehind,
    go_on: Callable[[], bool],
    moved: Callable[[int], object],
) -> None:
    if has_arrived(reader, known):
        if is_wanted_again(reader):
            told(consumer, reader)
        return
    header = reader.header()
    journal = Journal(reader.folder)
    try:
        offsets = begin(consumer, journal, header)
        if offsets is None:
            return

        def count(table: str, taken: Taken) -> None:
            report.rows += taken.rows
            moved(report.rows)

        ship(consumer, journal, go_on_from(journal, offsets), count, go_on)
        if go_on():
            consumer.finish(journal.run, journal.result())
            report.runs += 1
    finally:
        journal.close()
