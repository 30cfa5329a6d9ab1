"""What a learner may start from: training samples of an earlier race, with all that was known of their tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.estimator import EstimatorContext
from engine.training import TrainingSamples, TrainingWindow
from engine.workload import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Samples of an earlier race, oldest first, a row each.

    ``model`` is a column of ``nominal_s`` (rows x device models; inf where a task cannot run), ``fraction`` the share
    of the task that ran there, ``work_s`` the seconds of the whole task at speed 1; ``features`` is rows x features.
    """

    models: tuple[str, ...]
    feature_names: tuple[str, ...]
    model: IntArray
    fraction: FloatArray
    work_s: FloatArray
    nominal_s: FloatArray
    features: FloatArray

    def __len__(self) -> int:
        return len(self.model)


def warmed(context: EstimatorContext, history: History) -> EstimatorContext:
    """Return the context of a learner that starts from a history.

    The tasks of the history are rows behind those of the race, and its samples come first in the window, as if they had
    been seen at completion 0 (with numbers below 0): whoever learns from the window learns from them, until as many new
    ones have come as the window holds.
    """
    tasks, rows = len(context.nominal_s), len(history)
    samples = TrainingSamples(
        sample=np.arange(-rows, 0),
        completion=np.zeros(rows, dtype=np.int64),
        task=np.arange(tasks, tasks + rows),
        model=history.model,
        fraction=history.fraction,
        nominal_s=history.nominal_s[np.arange(rows), history.model],
        work_s=history.work_s,
        features=history.features,
    )
    return replace(
        context,
        nominal_s=np.vstack([context.nominal_s, history.nominal_s]),
        features=np.vstack([context.features, history.features]),
        window=_WarmWindow(samples, context.window),
        warm=True,
    )


class _WarmWindow:
    """The samples of a history, then those of the race."""

    def __init__(self, before: TrainingSamples, own: TrainingWindow) -> None:
        self._before = before
        self._own = own

    def latest(self, up_to: int, limit: int) -> TrainingSamples:
        """See :class:`engine.training.TrainingWindow`."""
        own = self._own.latest(up_to, limit)
        wanted = limit - len(own)
        return self._before.last(wanted).then(own) if wanted > 0 else own
