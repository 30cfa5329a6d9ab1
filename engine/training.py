"""What learners learn from: one sample for each share that has run, and the window through which they read them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.columns import column
from engine.workload import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSamples:
    """Rows of training data, oldest first.

    ``sample`` numbers a scheduler's samples from 1; ``model`` is a column of the ETC matrix, ``nominal_s`` its entry,
    ``work_s`` the observed seconds of the whole task there at speed 1; ``features`` is rows x k.
    """

    sample: IntArray
    completion: IntArray
    task: IntArray
    model: IntArray
    fraction: FloatArray
    nominal_s: FloatArray
    work_s: FloatArray
    features: FloatArray

    def __len__(self) -> int:
        return len(self.sample)

    def where(self, rows: NDArray[np.bool_]) -> TrainingSamples:
        """Return the rows that are true."""
        return TrainingSamples(*(getattr(self, column.name)[rows] for column in fields(self)))

    def last(self, count: int) -> TrainingSamples:
        """Return the last rows, all where there are no more."""
        rows = slice(max(0, len(self) - count), len(self))
        return TrainingSamples(*(getattr(self, column.name)[rows] for column in fields(self)))

    def then(self, more: TrainingSamples) -> TrainingSamples:
        """Return these rows and more behind them."""
        names = (column.name for column in fields(self))
        return TrainingSamples(*(np.concatenate([getattr(self, name), getattr(more, name)]) for name in names))


class TrainingWindow(Protocol):
    """The one-method door to the training data of one scheduler in one run."""

    def latest(self, up_to: int, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples whose completion number is at most ``up_to``, oldest first.

        Always the same rows in the same order, whether they come from memory, the database or the journal.
        """
        ...


class TrainingLog:
    """The samples of one scheduler in this run, in memory: serves the window and hands new rows to the recorder."""

    def __init__(self, features: FloatArray) -> None:
        self._features = features
        self._completion = array("q")
        self._task = array("q")
        self._model = array("q")
        self._fraction = array("d")
        self._nominal_s = array("d")
        self._work_s = array("d")
        self._taken = 0

    def append(self, completion: int, task: int, model: int, fraction: float, nominal_s: float, work_s: float) -> None:
        """Add one sample; samples must come in completion order."""
        self._completion.append(completion)
        self._task.append(task)
        self._model.append(model)
        self._fraction.append(fraction)
        self._nominal_s.append(nominal_s)
        self._work_s.append(work_s)

    def latest(self, up_to: int, limit: int) -> TrainingSamples:
        """See :class:`TrainingWindow`."""
        end = bisect_right(self._completion, up_to)
        return self._samples(max(0, end - limit), end)

    def take_new(self) -> TrainingSamples | None:
        """Return the samples added since the last call, or None; they stay in the window."""
        since, self._taken = self._taken, len(self._task)
        return self._samples(since, self._taken) if since < self._taken else None

    def _samples(self, since: int, until: int) -> TrainingSamples:
        rows = slice(since, until)
        task = column(self._task, rows)
        return TrainingSamples(
            sample=np.arange(since + 1, until + 1),
            completion=column(self._completion, rows),
            task=task,
            model=column(self._model, rows),
            fraction=column(self._fraction, rows),
            nominal_s=column(self._nominal_s, rows),
            work_s=column(self._work_s, rows),
            features=self._features[task],
        )
