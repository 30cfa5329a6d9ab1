"""The training window from where rows are recorded: the database first, the journal for what has not arrived there.

A race itself reads :class:`engine.training.TrainingLog`, in memory. This is the slower door to the same rows in the
same order (a test proves it), for other processes and later ones: to start a learner warm, or to check one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow.compute as pc

from engine.training import TrainingSamples
from persistence.database.opening import Database
from persistence.database.repositories import RunRepository, TrainingDataRepository
from persistence.errors import StorageError
from persistence.journal.columns import undamaged
from persistence.journal.reader import JournalReader
from persistence.journal.samples import TABLE, TAIL_BYTES, as_samples, sample_table
from persistence.kin import DatedSamples, Kin
from persistence.newest import SampledJournals, newest_of
from persistence.recording.wanted_again import is_wanted_again

ANSWER_S = 0.05
AnswerT = TypeVar("AnswerT")


class JournalWindow:
    """One scheduler's samples in one run's journal, read from its end."""

    def __init__(self, folder: Path, scheduler: str) -> None:
        self._journal = JournalReader(folder)
        self._scheduler = scheduler

    def latest(self, up_to: int, limit: int) -> TrainingSamples:
        """See :class:`engine.training.TrainingWindow`."""
        return self.behind(0, 0, up_to, limit)

    def alone(self) -> bool:
        """Whether it alone is complete: the database has refused rows of it, or it was imported just now."""
        return self._journal.rejected(TABLE) > 0 or is_wanted_again(self._journal)

    def behind(self, offset: int, sample: int, up_to: int, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples behind byte ``offset``, numbered above ``sample``, up to a completion."""
        first = max(offset, self._journal.first(TABLE))
        end = max(first, self._journal.sizes().get(TABLE, 0))
        size = TAIL_BYTES
        while True:
            start = max(first, end - size)
            rows = sample_table(self._journal, start, end, whole=start == first)
            rows = rows.filter(pc.equal(rows["scheduler"], self._scheduler))
            wanted = rows.filter(pc.and_(pc.greater(rows["sample"], sample), pc.less_equal(rows["completion"], up_to)))
            reached = len(rows) > 0 and pc.min(rows["sample"]).as_py() <= sample + 1
            if start == first or reached or len(wanted) >= limit:
                with undamaged(self._journal, TABLE):
                    return as_samples(wanted.slice(max(0, len(wanted) - limit)))
            size *= 2


class TrainingReader:
    """Answers window queries of all runs on one connection of its own; when it is silent, the journal answers."""

    def __init__(self, database: Database | None, runs_dir: Path) -> None:
        self._database = database
        self._runs_dir = runs_dir
        self._connection: Any = None
        self._executor = ThreadPoolExecutor(1, "training window") if database else None
        self._asked: Future[Any] | None = None
        self._lock = threading.Lock()

    def latest(self, run: str, scheduler: str, up_to: int, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples with a completion of at most ``up_to``, oldest first."""
        journal = JournalWindow(self._runs_dir / run, scheduler)

        def arrived_samples(cursor: Any) -> tuple[TrainingSamples, int]:
            offset = RunRepository(cursor).offset(run, TABLE)  # first: the rows then reach at least that far
            return TrainingDataRepository(cursor).latest(run, scheduler, up_to, limit), offset

        answer = None if journal.alone() else self._ask(arrived_samples)
        if answer is None:
            return journal.latest(up_to, limit)
        arrived, offset = answer
        last = int(arrived.sample[-1]) if len(arrived) else 0
        together = _joined(arrived, journal.behind(offset, last, up_to, limit), limit)
        return together if _complete(together, limit) else journal.latest(up_to, limit)

    def newest(self, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples of all runs, oldest first (:mod:`persistence.newest`)."""
        journals = SampledJournals(self._runs_dir)
        answer = self._ask(lambda cursor: _arrived_of_all(cursor, journals, limit))
        if answer is None:
            kin = journals.kin()
            like, arrived = _latest(kin), None
        else:
            like, kin, arrived = answer
        waiting = None if like is None else journals.newest(like, kin, limit)
        parts = [part for part in (arrived, waiting) if part is not None and len(part)]
        return newest_of(parts, limit).samples if parts else NO_SAMPLES

    def close(self) -> None:
        """End the connection and its thread."""
        if self._executor is not None:
            self._executor.submit(self._disconnect)
            self._executor.shutdown(wait=False)

    def _ask(self, question: Callable[[Any], AnswerT]) -> AnswerT | None:
        with self._lock:
            if self._executor is None or (self._asked is not None and not self._asked.done()):
                return None  # an earlier question is still unanswered: the server is silent
            asked = self._executor.submit(self._query, question)
            self._asked = asked
        try:
            return asked.result(ANSWER_S)
        except (NoAnswer, StorageError):
            return None

    def _query(self, question: Callable[[Any], AnswerT]) -> AnswerT:
        assert self._database is not None
        try:
            if self._connection is None:
                self._connection = self._database.connect()
            with self._database.transaction(self._connection) as cursor:
                return question(cursor)
        except StorageError:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None


class RecordedWindow:
    """The recorded window of one scheduler in one run, going on or over, as :class:`engine.training.TrainingWindow`."""

    def __init__(self, reader: TrainingReader, run: str, scheduler: str) -> None:
        self._reader = reader
        self._run = run
        self._scheduler = scheduler

    def latest(self, up_to: int, limit: int) -> TrainingSamples:
        """See :class:`engine.training.TrainingWindow`."""
        return self._reader.latest(self._run, self._scheduler, up_to, limit)


def _joined(first: TrainingSamples, second: TrainingSamples, limit: int) -> TrainingSamples:
    if not len(second):
        return first
    if not len(first):
        return second
    columns = {f.name: np.concatenate([getattr(first, f.name), getattr(second, f.name)]) for f in fields(first)}
    return TrainingSamples(**{name: column[-limit:] for name, column in columns.items()})


def _complete(rows: TrainingSamples, limit: int) -> bool:
    """Whether no sample is missing (one may have been refused by the database)."""
    if not len(rows):
        return True
    numbers = rows.sample
    return bool(numbers[0] == max(1, numbers[-1] - limit + 1)) and bool(np.all(np.diff(numbers) == 1))


def _arrived_of_all(
    cursor: Any, journals: SampledJournals, limit: int
) -> tuple[Kin | None, list[Kin], DatedSamples | None]:
    """Return what samples must be like, the runs whose journals must be read, and the newest of all others."""
    offsets = RunRepository(cursor).offsets()
    behind = journals.behind(offsets)
    kin = journals.kin(behind)
    samples = TrainingDataRepository(cursor)
    arrived = samples.newest_kin()
    like = _latest([*kin, *([] if arrived is None else [arrived])])
    return like, kin, None if like is None else samples.newest(like, behind, limit)


def _latest(kin: Sequence[Kin]) -> Kin | None:
    return max(kin, key=lambda each: (each.started_at, each.run), default=None)


_INTS, _FLOATS = np.zeros(0, np.int64), np.zeros(0)
NO_SAMPLES = TrainingSamples(_INTS, _INTS, _INTS, _INTS, _FLOATS, _FLOATS, _FLOATS, np.zeros((0, 0)))
