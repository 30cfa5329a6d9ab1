"""What learners learn from: one sample for each share that has run, and the window through which they read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.workload import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSamples:
    """Rows of training data, oldest first. ``sample`` numbers a scheduler's samples from 1; ``model`` is a column of the
    ETC matrix, ``nominal_s`` its entry, ``work_s`` the observed seconds of the whole task there at speed 1; ``features``
    is rows x k."""

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
        self._rows: list[tuple[int, int, int, int, float, float, float]] = []
        self._taken = 0

    def append(self, completion: int, task: int, model: int, fraction: float, nominal_s: float, work_s: float) -> None:
        """Add one sample; samples must come in completion order."""
        self._rows.append((len(self._rows) + 1, completion, task, model, fraction, nominal_s, work_s))

    def latest(self, up_to: int, limit: int) -> TrainingSamples:
        """See :class:`TrainingWindow`."""
        end = len(self._rows)
        while end and self._rows[end - 1][1] > up_to:
            end -= 1
        return self._samples(self._rows[max(0, end - limit) : end])

    def take_new(self) -> TrainingSamples | None:
        """Return the samples added since the last call, or None; they stay in the window."""
        if self._taken == len(self._rows):
            return None
        rows, self._taken = self._rows[self._taken :], len(self._rows)
        return self._samples(rows)

    def _samples(self, rows: list[tuple[int, int, int, int, float, float, float]]) -> TrainingSamples:
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 7)
        task = table[:, 2].astype(np.int64)
        return TrainingSamples(
            sample=table[:, 0].astype(np.int64),
            completion=table[:, 1].astype(np.int64),
            task=task,
            model=table[:, 3].astype(np.int64),
            fraction=table[:, 4],
            nominal_s=table[:, 5],
            work_s=table[:, 6],
            features=self._features[task],
        )
