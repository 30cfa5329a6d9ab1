"""The thread that ships a running journal into the storage."""

from __future__ import annotations

import logging
import threading
import time

from engine.errors import SchedRaceError
from persistence.journal.files import Journal
from persistence.recording.shipping import go_on_from, ship
from persistence.recording.wanted_again import begin
from persistence.run import RunHeader
from persistence.schema import JOURNALED
from persistence.storage import Storage, StoragePlugin, Taken

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 2.0
LAST_CHUNK_S = 0.5
_LOOK_AGAIN_S = 0.02
_RESULTS = "scheduler_results"
_log = logging.getLogger(__name__)


class Shipper:
    """Ships whenever the journal has grown; on errors it comes back after 0.1 to 2 s. The race never waits for it.

    ``results`` counts task results that have arrived, ``rejected`` the rows of each table that are refused as data,
    ``retries`` the attempts that failed; ``problem`` says what keeps the rows from arriving.
    """

    def __init__(self, storage: Storage, header: RunHeader) -> None:
        self.results = 0
        self.rejected: dict[str, int] = {}
        self.retries = 0
        self.problem: str | None = None
        self.state: tuple[int, float] | None = None
        """Tasks finished and simulated seconds; set by the race, sent with the next rows."""
        self._storage = storage
        self._header = header
        self._journal: Journal | None = None
        self._consumer: StoragePlugin | None = None
        self._offsets: dict[str, int] = {}
        self._known = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._until = self._progress_at = 0.0
        self._finished = False
        self._unwanted = False
        self._thread = threading.Thread(target=self._run, name=f"shipper {header.run}", daemon=True)
        self._thread.start()

    def offer(self, journal: Journal | None) -> None:
        """Say that the journal has grown (called by its writer)."""
        self._journal = journal
        self._wake.set()

    def close(self, wait_s: float, patience_s: float) -> None:
        """Ship the rest for up to ``wait_s`` and end the thread; a failure on a fresh connection ends it too.

        When nothing has arrived for ``patience_s`` the thread is left to end by itself.
        """
        self._progress_at = time.monotonic()
        self._until = self._progress_at + wait_s
        self._closing.set()
        self._wake.set()
        while self._thread.is_alive() and time.monotonic() < min(self._until, self._progress_at + patience_s):
            self._thread.join(_LOOK_AGAIN_S)
        self._until = 0.0
        self._thread.join(LAST_CHUNK_S)

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            self._wake.wait()
            self._wake.clear()
            closing, fresh = self._closing.is_set(), self._consumer is None
            worked = self._journal is None or self._attempt(self._journal)
            if closing and (worked or fresh or not self._go_on()):
                break
            if worked:
                retry_s = FIRST_RETRY_S
            else:
                self.retries += 1
                self._closing.wait(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
                self._wake.set()
        self._disconnect()
        if self._journal is not None:
            self._journal.close()

    def _attempt(self, journal: Journal) -> bool:
        try:
            self._ship(journal)
        except SchedRaceError as error:
            self._fail(str(error))
        except Exception as error:  # a defect, perhaps in a storage plugin, must not end the recording
            _log.exception("The storage failed")
            self._fail(f"The storage failed with {error!r}; the rows are kept in the journal.")
        else:
            self.problem = None
            return True
        return False

    def _ship(self, journal: Journal) -> None:
        if self._unwanted:
            return
        if self._consumer is None:
            consumer = self._storage.connect()
            self._consumer = consumer
            offsets = begin(consumer, journal, self._header)
            self._unwanted = offsets is None
            if offsets is None:
                return
            self._offsets = go_on_from(journal, offsets, self._offsets if self._known else None)
            self._known = True
            self._recount(journal)
        self._say_where_it_stands(self._consumer)
        ship(self._consumer, journal, self._offsets, self._count, self._go_on)
        result = None if self._finished or not self._go_on() else journal.result()
        if result is not None:
            self._say_where_it_stands(self._consumer)  # further than before the last rows
            self._consumer.finish(journal.run, result)
            self._finished = True

    def _say_where_it_stands(self, consumer: StoragePlugin) -> None:
        if self.state is not None and not self._finished:
            consumer.stands_at(self._header.run, *self.state)

    def _go_on(self) -> bool:
        return not self._closing.is_set() or time.monotonic() < self._until

    def _count(self, table: str, taken: Taken) -> None:
        self.problem = None  # rows arrive again, however many are still behind
        self._progress_at = time.monotonic()
        if taken.rejected:
            self.rejected = {**self.rejected, table: self.rejected.get(table, 0) + len(taken.rejected)}
        if table == _RESULTS:
            self.results += taken.rows

    def _recount(self, journal: Journal) -> None:
        """A server that crashed may have forgotten its last batches, and their offsets with them: they come again."""
        self.rejected = {table: rows for table in JOURNALED if (rows := journal.rejected(table))}
        arrived = journal.rows(_RESULTS, self._offsets.get(_RESULTS, 0))
        self.results = max(0, arrived - self.rejected.get(_RESULTS, 0))

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self._storage.note(problem)
        self._disconnect()

    def _disconnect(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
