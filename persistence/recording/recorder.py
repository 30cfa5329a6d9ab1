"""The recorder: takes rows from a race without ever waiting for a database.

race thread -> inbox -> writer thread -> journal -> shipper thread -> storage. The journal is the queue: however long
the storage is away, only what the journal's disk has not taken yet is in memory.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.records import FinishedTasks, MetricSeries
from engine.results import RaceResult
from engine.training import TrainingSamples
from engine.workload import Workload
from persistence.journal.files import Journal
from persistence.journal.reader import JournalReader
from persistence.recording.clock import ForwardClock, last_recorded
from persistence.recording.inbox import TAKE_ROWS
from persistence.recording.lag import Lag
from persistence.recording.shipper import LAST_CHUNK_S, Shipper
from persistence.recording.shipping import BackgroundReplay
from persistence.recording.writer import Entry, JournalWriter
from persistence.run import RunHeader
from persistence.storage import Storage

PATIENCE_S = 3.5
"""Longer than a storage may be silent before its connection is given up, shorter than what a user takes for a hang."""

REPLAY_S = 1.0
"""How long a race that is over waits for what earlier runs left behind, and for the clean-up: 200,000 rows or so."""


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """How recording stands. ``rows_written`` counts task results in the storage named by ``kind``; ``rows_pending``
    those that are in the journal only, or on their way there; ``problem`` is a sentence, or None when all is well.

    ``rows_lost``: task results that neither journal nor storage could take. ``rows_rejected``: rows of all tables that
    the storage refuses as data, set aside in ``rejected_file`` (the first such file, empty where there is none).
    ``lag_s``: the age of the oldest task result that is on its way. ``retries``: attempts that failed so far.
    ``stopped``: whether recording ended before the race did, so that the run counts as cut.
    ``cleaned_up``: a sentence about old runs that were deleted meanwhile as the settings ask, or why they were not.
    """

    kind: str
    where: str
    why: str
    rows_written: int
    rows_pending: int
    problem: str | None
    rows_lost: int = 0
    rows_rejected: int = 0
    rejected_file: str = ""
    lag_s: float = 0.0
    retries: int = 0
    stopped: bool = False
    cleaned_up: str = ""


class Recorder:
    """Records one run. Calls only enqueue (microseconds); they block only while the journal's disk lags far behind.

    While it records, what earlier runs left behind in their journals is shipped too. After the race: :meth:`result`,
    then :meth:`close`. Storage ``none`` makes every call a no-op.

    A run that was cut is gone on with in its own ``journal``, which is the recorder's from then on.
    """

    def __init__(self, storage: Storage, header: RunHeader, journal: Journal | None = None) -> None:
        self.storage = storage
        self.header = header
        self._results = journal.rows("scheduler_results") if journal is not None else 0
        self._lag = Lag()
        self._clock = ForwardClock(header.started_at if journal is None else last_recorded(journal, header.started_at))
        self._writer: JournalWriter | None = None
        self._shipper: Shipper | None = None
        self._replay: BackgroundReplay | None = None
        self._cleaned_up = ""
        if storage.plugin is not None:
            self._shipper = Shipper(storage, header)
            settings = storage.settings
            self._writer = JournalWriter(settings.runs_dir, header, self._shipper.offer, journal, settings.journal_sync)
            self._replay = BackgroundReplay(storage, self._note_clean_up)
            atexit.register(self.close)

    def tasks(self, workload: Workload, first: int = 0) -> None:
        """Record what the tasks are, from ``first`` on; called once, before anything else."""
        for start in range(first, len(workload), TAKE_ROWS):
            last = min(start + TAKE_ROWS, len(workload))
            self._put("tasks", (workload, start, last), last - start)

    def finished(self, rows: FinishedTasks) -> None:
        """Record finished tasks."""
        self._results += len(rows)
        self._lag.handed_over(self._results)
        self._put("scheduler_results", rows, len(rows))

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        """Record training samples."""
        self._put("training_data", (scheduler, rows), len(rows))

    def metrics(self, series: MetricSeries) -> None:
        """Record a metric over time."""
        self._put("metrics", series, len(series.at_s))

    def state(self, completions: int, clock_s: float) -> None:
        """Say where the race stands: tasks finished by all schedulers together, and simulated seconds.

        It goes to the storage with the next rows, so that a race that is cut can be told from one that is over.
        """
        if self._shipper is not None:
            self._shipper.state = (completions, clock_s)

    def result(self, result: RaceResult) -> None:
        """Record the end of the race; nothing may follow but :meth:`close`."""
        self._put("result", result_table(result, self._clock.date()), 1)

    @property
    def replaying(self) -> bool:
        """Whether recorded rows have not come again yet: never, there were none."""
        return False

    @property
    def braked_s(self) -> float:
        """Seconds for which the race was held, because the journal's disk lagged behind."""
        return self._writer.inbox.braked_s if self._writer else 0.0

    def sync(self, wait_s: float = 10.0) -> bool:
        """Wait until all that was handed over is in the journal; return whether it is."""
        return self._writer is None or self._writer.inbox.wait_empty(wait_s)

    def status(self) -> RecorderStatus:
        """Return how recording stands; any thread may ask."""
        storage = self.storage
        if self._writer is None or self._shipper is None:
            return RecorderStatus(storage.kind, storage.where, storage.why, 0, 0, None)
        # while the wanted storage has never answered, the journal is the storage
        written = self._shipper.results if storage.answered else self._writer.results
        rejected = self._shipper.rejected if storage.answered else {}
        lost = self._results - self._writer.results if self._writer.gave_up else 0
        pending = self._results - written - rejected.get("scheduler_results", 0) - lost
        return RecorderStatus(
            kind=storage.kind,
            where=storage.where,
            why=storage.why,
            rows_written=written,
            rows_pending=pending,
            problem=self._writer.problem or self._shipper.problem,
            rows_lost=lost,
            rows_rejected=sum(rejected.values()),
            rejected_file=self._rejected_file(rejected),
            lag_s=self._lag.seconds(self._results - pending),
            retries=self._shipper.retries,
            stopped=self._writer.gave_up,
            cleaned_up=self._cleaned_up,
        )

    def close(self, wait_s: float = 10.0) -> RecorderStatus:
        """Write what is left to the journal, wait up to ``wait_s`` for the storage, and end the threads.

        Nobody is waited for who is silent: not for a disk or a storage that takes nothing for :data:`PATIENCE_S`. What
        has not arrived by then stays in the journal for :func:`persistence.recording.shipping.ship_left_behind`. What
        earlier runs left behind has :data:`REPLAY_S` more while the storage answers.
        """
        began = time.monotonic()
        if self._writer is not None and self._shipper is not None:
            until = began + wait_s
            self._writer.close(wait_s, PATIENCE_S)
            self._shipper.close(max(0.0, until - time.monotonic()), PATIENCE_S)
        if self._replay is not None:
            if self.storage.problem is None:
                # or no replay would ever get anywhere in a row of short races
                left_s = began + min(wait_s, PATIENCE_S) - time.monotonic()
                self._replay.ended(max(0.0, min(left_s, REPLAY_S)))
            self._replay.stop(LAST_CHUNK_S)
            atexit.unregister(self.close)
        return self.status()

    def _note_clean_up(self, sentence: str) -> None:
        self._cleaned_up = sentence

    def _rejected_file(self, rejected: Mapping[str, int]) -> str:
        journal = JournalReader(self.storage.settings.runs_dir / self.header.run)
        return next((str(journal.rejected_path(table)) for table in rejected), "")

    def _put(self, kind: str, payload: Any, rows: int) -> None:
        if self._writer is not None and rows:
            self._writer.inbox.put(Entry(kind, payload, self._clock.now()), rows)


def result_table(result: RaceResult, finished_at: datetime) -> Mapping[str, Any]:
    """Return what ``result.json`` holds of a race."""
    stopped = any(row.status == "stopped" for row in result.rows)
    return {
        "status": "stopped" if stopped else "finished",
        "finished_at": finished_at.isoformat(),
        "digest": result.digest,
        "tasks": result.tasks,
        "reproducible": result.reproducible,
        "schedulers": [row.as_json() for row in result.rows],
    }
