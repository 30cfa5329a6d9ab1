"""A forest that learns the devices' times while the race runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.calibration import Factors
from engine.estimator import EstimatorContext
from engine.learner import Answer, Learner, LearnerParams
from engine.params import parameter
from engine.training import TrainingSamples
from plugins.estimators.ridge import Inputs, Ridge, fit_ridge, mean_ridge
from plugins.estimators.tree_walk import Tree, export, mean_prediction, scikit_learn

CLEARLY, ENOUGH = 0.9, 100
"""Leaves of one sample are taken where they have less than this share of the larger ones' error on enough samples."""
EXPLAINED = 200
"""Latest samples of each device model over which the importance of the features is taken: some 10 ms."""


@dataclass(frozen=True)
class ForestParams(LearnerParams):
    """Parameters of :class:`Forest`."""

    trees: int = parameter(6, "Trees of the forest of each device model", low=1, high=500)
    min_samples: int = parameter(20, "Samples of a device model before a forest is grown for it", low=2)
    leaf: int = parameter(8, "Fewest samples in a leaf; 1 where that errs clearly less on samples held out", low=1)


class Grown(NamedTuple):
    """A tree, and the linear model on whose errors it was grown."""

    base: Ridge
    tree: Tree


class Forest(Learner):
    """For each device model a rolling forest of extremely randomised trees on what a ridge regression leaves over.

    (Zhang, Nettleton & Zhu, Regression-Enhanced Random Forests, JSM Proceedings 2017; Geurts, Ernst & Wehenkel,
    Machine Learning 63, 2006.) The regression finds the effects of kinds and slopes with tens of samples and goes on
    beyond what was seen; the trees add what is not linear. It has half the error of trees alone, for little time more.

    It learns log(observed / nominal seconds) from the task's features and its log nominal times, so that it starts from
    the nominal times and scales with them. With each fit the oldest trees go, as large a share of the forest as the
    share of the window that is new: nearly all at the start, one in six later, which makes a retraining six times
    cheaper. Where the times have next to no noise, as those of measured kernels, leaves of one sample are far better.
    """

    name = "forest"
    summary = "Learns the true seconds on each device model from completions."
    Params = ForestParams

    def __init__(self, context: EstimatorContext, params: ForestParams | None = None) -> None:
        super().__init__(context, params)
        nominal = context.nominal_s
        logs = np.log(np.where(np.isfinite(nominal), nominal, 1.0))
        self._inputs: Inputs = np.hstack([_known(context.features), logs])
        self._forests: list[tuple[Grown, ...]] = [() for _ in context.models]
        self.leaf = [self.params.leaf] * len(context.models)
        """Fewest samples in a leaf of the trees of each device model."""
        self._seen = self._fits = 0
        self._learned_from: TrainingSamples | None = None

    def fit(self, samples: TrainingSamples) -> Answer:
        """See :meth:`engine.learner.Learner.fit`."""
        last = int(samples.sample[-1])
        new, self._seen = (last - self._seen) / len(samples), last
        self._fits += 1
        judged = self.judgements[-1].verdicts if self.judgements else ()
        # of these no old tree is right
        drifted = {model for model, verdict in enumerate(judged) if verdict.drift or verdict.forgets}
        for model, old in enumerate(self._forests):
            share = 1.0 if model in drifted else min(new, 1.0)
            self._forests[model] = self._refit(samples, share, model, old)
        self._learned_from = samples
        return self._answer_of([_mean(forest) for forest in self._forests])

    def spread(self, task: int, model: int, chance: float) -> Factors | None:
        """See :meth:`engine.learner.Learner.spread`: the usual one. Scaled by how far the trees disagree about a task
        it was right as often, but wider (by a quarter at 90 %, synthetic tasks)."""
        return self.usual_spread(model, chance)

    def importance(self) -> Mapping[str, float]:
        """See :meth:`engine.learner.Learner.importance`: permutation importance (Breiman, Machine Learning 45, 2001,
        10) over the device models together; the features, then the nominal seconds on each device model."""
        names = [*self.context.feature_names, *(f"nominal {model}" for model in self.context.models)]
        rng = np.random.default_rng([self.context.seed, self._fits])
        growths = [
            self._growths(self._learned_from, model, mean, rng)
            for model, forest in enumerate(self._forests)
            if self._learned_from is not None and (mean := _mean(forest)) is not None
        ]
        if not growths:
            return {}
        return dict(zip(names, np.vstack(growths).mean(axis=0).tolist(), strict=True))

    def _growths(
        self, samples: TrainingSamples, model: int, mean: tuple[Ridge, list[Tree]], rng: np.random.Generator
    ) -> Inputs:
        """Return by how much each sample's error grows with each column exchanged (rows x columns), for one model."""
        mine = np.flatnonzero((samples.model == model) & (samples.work_s > 0))[-EXPLAINED:]
        inputs = self._inputs[samples.task[mine]]
        wanted = np.log(samples.work_s[mine] / samples.nominal_s[mine])

        def errors(rows: Inputs) -> Inputs:
            said = [mean[0].at(row) + mean_prediction(mean[1], row) for row in rows.tolist()]
            off: Inputs = np.abs(np.array(said) - wanted)
            return off

        growths, as_is = np.zeros(inputs.shape), errors(inputs)
        for column in np.flatnonzero(inputs.std(axis=0) > 0.0):
            exchanged = inputs.copy()
            exchanged[:, column] = rng.permutation(exchanged[:, column])
            growths[:, column] = errors(exchanged) - as_is
        return growths

    def _answer_of(self, means: list[tuple[Ridge, list[Tree]] | None]) -> Answer:
        inputs, nominal = self._inputs, self._nominal

        def answer(index: int) -> list[float]:
            row = inputs[index].tolist()
            return [
                seconds if mean is None else seconds * math.exp(mean[0].at(row) + mean_prediction(mean[1], row))
                for seconds, mean in zip(nominal[index], means, strict=True)
            ]

        return answer

    def _refit(self, samples: TrainingSamples, new: float, model: int, old: tuple[Grown, ...]) -> tuple[Grown, ...]:
        """Return the forest of one device model with a share ``new`` (0..1) of its trees replaced."""
        # on a clock of large seconds a very short share may round to nothing, and its logarithm to -inf
        mine = (samples.model == model) & (samples.work_s > 0)
        if int(mine.sum()) < self.params.min_samples:
            return old
        inputs = self._inputs[samples.task[mine]]
        base, left = fit_ridge(inputs, np.log(samples.work_s[mine] / samples.nominal_s[mine]))
        columns = inputs.astype(np.float32)
        if self._fits & (self._fits - 1) == 0:  # the first, second, fourth, eighth: it costs four trees
            self.leaf[model] = 1 if _noiseless(columns, left, self.params.leaf) else self.params.leaf
        wanted = max(1, round(self.params.trees * new)) if old else self.params.trees
        rng = np.random.default_rng([self.context.seed, self._fits, model])
        states = (int(rng.integers(2**31)) for _ in range(wanted))
        fresh = tuple(Grown(base, export(_grown(columns, left, self.leaf[model], state))) for state in states)
        return (*old, *fresh)[-self.params.trees :]


def _grown(inputs: NDArray[np.float32], left: Inputs, leaf: int, state: int) -> Any:
    """Return an extremely randomised tree of scikit-learn."""
    grow = scikit_learn("tree").ExtraTreeRegressor(min_samples_leaf=leaf, random_state=state)
    with scikit_learn().config_context(skip_parameter_validation=True):  # a fifth of the time of so small a tree
        return grow.fit(inputs, left, check_input=False)


def _noiseless(inputs: NDArray[np.float32], left: Inputs, leaf: int) -> bool:
    """Return whether trees on every other sample err clearly less on the rest with leaves of 1 than with ``leaf``."""
    if len(left) < ENOUGH:
        return False

    def error(size: int) -> float:
        trees = [_grown(inputs[::2], left[::2], size, state) for state in (0, 1)]
        said = np.mean([tree.predict(inputs[1::2]) for tree in trees], axis=0)
        return float(np.abs(said - left[1::2]).sum())

    return error(1) < CLEARLY * error(leaf)


def _mean(forest: tuple[Grown, ...]) -> tuple[Ridge, list[Tree]] | None:
    return (mean_ridge([grown.base for grown in forest]), [grown.tree for grown in forest]) if forest else None


def _known(features: Inputs) -> Inputs:
    """Return the features with the mean of a column where a value is not known."""
    known = np.isfinite(features)
    if known.all():
        return features
    means = np.where(known, features, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, features, means)
