"""The training window from where rows are recorded: the database first, the journal for what has not arrived there.

A race itself reads :class:`engine.training.TrainingLog`, in memory. This is the slower door to the same rows in the
same order (a test proves it), for other processes and later ones: to start a learner warm, or to check one.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from engine.training import TrainingSamples
from persistence.database.opening import Database
from persistence.database.repositories import RunRepository, TrainingDataRepository
from persistence.errors import StorageError
from persistence.journal.files import JournalReader
from persistence.schema import journal_columns

ANSWER_S = 0.05
_TAIL = 256 * 1024  # about the 1000 rows that are usually asked for
_TABLE = "training_data"
_TYPES = {
    **dict.fromkeys(("sample", "completion", "task", "model"), pa.int64()),
    **dict.fromkeys(("fraction", "nominal_s", "work_s"), pa.float64()),
    **dict.fromkeys(("scheduler", "features", "created_at"), pa.string()),
}
_Answer = tuple[TrainingSamples, int]  # rows, and the byte up to which the journal has arrived


class JournalWindow:
    """One scheduler's samples in one run's journal, read from its end."""

    def __init__(self, folder: Path, scheduler: str) -> None:
        self._journal = JournalReader(folder)
        self._scheduler = scheduler

    def latest(self, up_to: int, limit: int) -> TrainingSamples:
        """See :class:`engine.training.TrainingWindow`."""
        return self.behind(0, 0, up_to, limit)

    def refused(self) -> bool:
        """Whether the database has refused rows of this journal, so that it alone is complete."""
        return self._journal.rejected(_TABLE) > 0

    def behind(self, offset: int, sample: int, up_to: int, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples behind byte ``offset``, numbered above ``sample``, up to a completion."""
        first = max(offset, self._journal.first(_TABLE))
        end = max(first, self._journal.sizes().get(_TABLE, 0))
        size = _TAIL
        while True:
            start = max(first, end - size)
            rows = self._rows(start, end, whole=start == first)
            wanted = rows.filter(pc.and_(pc.greater(rows["sample"], sample), pc.less_equal(rows["completion"], up_to)))
            reached = len(rows) > 0 and pc.min(rows["sample"]).as_py() <= sample + 1
            if start == first or reached or len(wanted) >= limit:
                return _samples(wanted.slice(max(0, len(wanted) - limit)))
            size *= 2

    def _rows(self, start: int, end: int, whole: bool) -> Any:
        data = self._journal.read(_TABLE, start, end, end - start) if end > start else b""
        if not whole:
            data = data[data.find(b"\n") + 1 :]  # the first line is cut
        if not data:
            return pa.schema(list(_TYPES.items())).empty_table()
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=journal_columns(_TABLE), use_threads=False),
            convert_options=pa_csv.ConvertOptions(column_types=_TYPES),
        )
        return table.filter(pc.equal(table["scheduler"], self._scheduler))


class TrainingReader:
    """Answers window queries of all runs on one connection of its own; when it is silent, the journal answers."""

    def __init__(self, database: Database | None, runs_dir: Path) -> None:
        self._database = database
        self._runs_dir = runs_dir
        self._connection: Any = None
        self._executor = ThreadPoolExecutor(1, "training window") if database else None
        self._asked: Future[_Answer] | None = None
        self._lock = threading.Lock()

    def latest(self, run: str, scheduler: str, up_to: int, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples with a completion of at most ``up_to``, oldest first."""
        journal = JournalWindow(self._runs_dir / run, scheduler)
        answer = None if journal.refused() else self._ask(run, scheduler, up_to, limit)
        if answer is None:
            return journal.latest(up_to, limit)
        arrived, offset = answer
        last = int(arrived.sample[-1]) if len(arrived) else 0
        together = _joined(arrived, journal.behind(offset, last, up_to, limit), limit)
        return together if _complete(together, limit) else journal.latest(up_to, limit)

    def close(self) -> None:
        """End the connection and its thread."""
        if self._executor is not None:
            self._executor.submit(self._disconnect)
            self._executor.shutdown(wait=False)

    def _ask(self, run: str, scheduler: str, up_to: int, limit: int) -> _Answer | None:
        with self._lock:
            if self._executor is None or (self._asked is not None and not self._asked.done()):
                return None  # an earlier question is still unanswered: the server is silent
            self._asked = self._executor.submit(self._query, run, scheduler, up_to, limit)
            asked = self._asked
        try:
            return asked.result(ANSWER_S)
        except (NoAnswer, StorageError):
            return None

    def _query(self, run: str, scheduler: str, up_to: int, limit: int) -> _Answer:
        assert self._database is not None
        try:
            if self._connection is None:
                self._connection = self._database.connect()
            with self._database.transaction(self._connection) as cursor:
                offset = RunRepository(cursor).offset(run, _TABLE)  # first: the rows then reach at least that far
                return TrainingDataRepository(cursor).latest(run, scheduler, up_to, limit), offset
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


def _samples(table: Any) -> TrainingSamples:
    texts = table["features"].to_pylist()
    values = [text[1:-1].split(",") if len(text) > 2 else [] for text in texts]
    columns = {name: table[name].to_numpy() for name in _TYPES if name not in ("scheduler", "features", "created_at")}
    return TrainingSamples(
        **columns, features=np.array(values, dtype=np.float64).reshape(len(texts), -1 if texts else 0)
    )


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
