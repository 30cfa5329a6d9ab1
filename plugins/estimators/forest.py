"""A random forest that learns the devices' times while the race runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.completion import Completion
from engine.estimator import Estimator, EstimatorContext, Seconds
from engine.params import parameter
from engine.task import Task
from engine.training import TrainingSamples
from plugins.estimators.tree_walk import Tree, export, mean_prediction

Trees = tuple[Tree, ...]


@dataclass(frozen=True)
class ForestParams:
    """Parameters of :class:`Forest`."""

    trees: int = parameter(10, "Trees of the forest of each device model", low=1, high=500)
    interval: int = parameter(50, "Completions between two retrainings, and from a retraining to its use", low=1)
    window: int = parameter(1000, "Latest samples that a retraining sees", low=10)
    min_samples: int = parameter(20, "Samples of a device model before its forest is used", low=2)
    leaf: int = parameter(3, "Fewest samples in a leaf", low=1)


class Forest(Estimator):
    """One rolling forest of extremely randomised trees on bootstrap samples for each device model.

    (Breiman, Machine Learning 45, 2001; Geurts, Ernst & Wehenkel, Machine Learning 63, 2006: a third of the cost of
    searching every threshold, and no worse here.)

    It learns log(observed / nominal seconds) from the task's features and its log nominal times, so that it starts from
    the nominal times and scales with them. At completion k (every ``interval``) it looks at the last ``window`` samples
    and begins to grow new trees in a background thread; from completion k + ``interval`` on they are used, however long
    that took, so that the race stays reproducible. The oldest trees go, as large a share of the forest as the share of
    the window that is new: nearly all at the start, one in ten later, which makes a retraining ten times cheaper.
    """

    name = "forest"
    summary = "Learns the true seconds on each device model from completions."
    Params = ForestParams
    learns = True

    def __init__(self, context: EstimatorContext, params: ForestParams | None = None) -> None:
        super().__init__(context, params)
        nominal = context.nominal_s
        self._nominal: list[list[float]] = nominal.tolist()
        logs = np.log(np.where(np.isfinite(nominal), nominal, 1.0))
        self._inputs: NDArray[np.float32] = np.hstack([context.features, logs]).astype(np.float32)
        self._rows: list[list[float]] = self._inputs.tolist()
        self._forests: list[Trees] = [() for _ in context.models]
        self._answers: dict[int, list[float]] = {}
        self._fit: Future[list[Trees]] | None = None
        self._due = 0
        self._fits = 0
        self._last_sample = 0
        self._active_models = 0
        self._worker: ThreadPoolExecutor | None = None

    @property
    def active_models(self) -> int:
        """How many retrainings have been put into use."""
        return self._active_models

    def seconds(self, task: Task) -> Seconds:
        """See :meth:`engine.estimator.Estimator.seconds`."""
        answer = self._answers.get(task.index)
        if answer is None:
            answer = self._answers[task.index] = self._predict(task.index)
        return answer

    def observe(self, completion: Completion) -> None:
        """Put a fit that is due into use, and begin the next one."""
        number = completion.number
        self._answers.pop(completion.task.index, None)
        if self._fit is not None and number == self._due:
            self._forests = self._fit.result()
            self._fit = None
            self._active_models += 1
            self._answers.clear()
        if self._fit is None and number % self.params.interval == 0:
            self._begin_fit(number)

    def close(self) -> None:
        """See :meth:`engine.estimator.Estimator.close`."""
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)
            self._worker = None

    def _predict(self, index: int) -> list[float]:
        row = self._rows[index]
        return [
            nominal * math.exp(mean_prediction(trees, row)) if trees else nominal
            for nominal, trees in zip(self._nominal[index], self._forests, strict=True)
        ]

    def _begin_fit(self, number: int) -> None:
        samples = self.context.window.latest(number, self.params.window)
        if not len(samples) or int(samples.sample[-1]) == self._last_sample:
            return
        new = int(samples.sample[-1]) - self._last_sample
        self._last_sample = int(samples.sample[-1])
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="forest")
        self._due = number + self.params.interval
        self._fits += 1
        self._fit = self._worker.submit(self._refit, samples, new / len(samples), tuple(self._forests), self._fits)

    def _refit(self, samples: TrainingSamples, new: float, old: Sequence[Trees], fit: int) -> list[Trees]:
        """Runs in the background thread; a pure function of its arguments and the seed."""
        return [self._refit_model(samples, new, model, trees, fit) for model, trees in enumerate(old)]

    def _refit_model(self, samples: TrainingSamples, new: float, model: int, old: Trees, fit: int) -> Trees:
        """Return the forest of one device model with a share ``new`` (0..1) of its trees replaced."""
        # on a clock of large seconds a very short share may round to nothing, and its logarithm to -inf
        mine = (samples.model == model) & (samples.work_s > 0)
        count = int(mine.sum())
        if count < self.params.min_samples:
            return old
        inputs = self._inputs[samples.task[mine]]
        target = np.log(samples.work_s[mine] / samples.nominal_s[mine])
        wanted = max(1, round(self.params.trees * new)) if old else self.params.trees
        rng = np.random.default_rng([self.context.seed, fit, model])
        fresh = tuple(self._grow(inputs, target, rng) for _ in range(wanted))
        return (*old, *fresh)[-self.params.trees :]

    def _grow(self, inputs: NDArray[np.float32], target: NDArray[np.float64], rng: np.random.Generator) -> Tree:
        """Return one tree on a bootstrap sample."""
        from sklearn.tree import ExtraTreeRegressor  # here, because importing it takes a second

        rows = rng.integers(len(target), size=len(target))
        tree: Any = ExtraTreeRegressor(min_samples_leaf=self.params.leaf, random_state=int(rng.integers(2**31)))
        return export(tree.fit(inputs[rows], target[rows], check_input=False))
