"""A linear model of a few numbers and kinds: what can be told from tens of samples, where trees need hundreds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PENALTY = 1.0
"""Of the squared weights, in units of one sample (columns are scaled to a spread of 1)."""
MOST_LEVELS = 20
"""Different whole numbers up to which a column may name kinds, so that each of them gets an effect of its own."""
OUTLYING = 4.0
"""Robust standard deviations from which on a target counts as no farther away."""
ROUNDS = 4
SAME = 1e-6
"""Where most targets are nearer to each other than this, only rounding tells them apart, and nothing is far off."""
_TO_SIGMA = 1.4826  # the median absolute deviation of a normal distribution x this is its standard deviation

Inputs = NDArray[np.float64]


class Ridge(NamedTuple):
    """``intercept + slopes . row``, and the effect of the level that each column of ``levels`` has in the row."""

    intercept: float
    slopes: tuple[float, ...]
    levels: dict[int, dict[float, float]]

    def at(self, row: Sequence[float]) -> float:
        """Return the answer for one row; a level that was never seen has no effect."""
        total: float = self.intercept + sum(map(mul, self.slopes, row))
        for column, effects in self.levels.items():
            total += effects.get(row[column], 0.0)
        return total


def fit_ridge(inputs: Inputs, target: Inputs) -> tuple[Ridge, Inputs]:
    """Return the model of rows (n x p) and targets, and what it leaves over (n) for others to explain.

    Ridge regression (Hoerl & Kennard, Technometrics 12, 1970) with penalised dummies for the levels of columns that
    name kinds. It is solved :data:`ROUNDS` times: before each, targets that lie farther from the last answers (from the
    median, at first) than :data:`OUTLYING` robust standard deviations are drawn in to there (Huber & Ronchetti, Robust
    Statistics, 2009, 7.8, by pseudo-values), and so is what is left over.
    """
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
    # a constant column: its mean may be off in the last digit, and its spread be that rounding
    constant = inputs.max(axis=0) == inputs.min(axis=0)
    centre[constant], spread[constant] = inputs[0, constant], 1.0
    kinds = {column: levels for column in range(inputs.shape[1]) if (levels := _levels(inputs[:, column])) is not None}
    dummies = [inputs[:, [column]] == levels for column, levels in kinds.items()]
    design = np.hstack([(inputs - centre) / spread, *dummies])
    lower = _factor(design)
    middle = float(np.median(target))
    left = target - middle
    for _ in range(ROUNDS):
        reach = OUTLYING * _TO_SIGMA * float(np.median(np.abs(left)))
        near = target - left + np.clip(left, -reach, reach) if reach > SAME else target
        weights = _solve(lower, design, near - middle)
        left = target - middle - _times(design, weights)
    left = np.clip(left, -reach, reach) if reach > SAME else left
    p = inputs.shape[1]
    slopes = weights[:p] / spread
    effects, at = {}, p
    for column, levels in kinds.items():
        effects[column] = dict(zip(levels.tolist(), weights[at : at + len(levels)].tolist(), strict=True))
        at += len(levels)
    rest = float(left.mean())
    return Ridge(middle + rest - float((slopes * centre).sum()), tuple(slopes.tolist()), effects), left - rest


def mean_ridge(models: Sequence[Ridge]) -> Ridge:
    """Return the model whose answers are the mean of theirs."""
    n = len(models)
    levels: dict[int, Counter[float]] = {}
    for model in models:
        for column, effects in model.levels.items():
            levels.setdefault(column, Counter()).update({level: effect / n for level, effect in effects.items()})
    return Ridge(
        sum(model.intercept for model in models) / n,
        tuple(sum(slopes) / n for slopes in zip(*(model.slopes for model in models), strict=True)),
        {column: dict(effects) for column, effects in levels.items()},
    )


def _levels(values: Inputs) -> Inputs | None:
    """Return the levels of a column that names kinds, None for one that measures something."""
    levels = np.unique(values)
    whole = 2 < len(levels) <= MOST_LEVELS and bool(np.all(levels == np.round(levels)))
    return levels if whole else None


def _times(matrix: Inputs, vector: Inputs) -> Inputs:
    """Return matrix x vector. Not by BLAS, here and below: its last bits depend on the processor that it believes to be
    on and on its threads, and a race must give the same bits in any process."""
    product: Inputs = np.einsum("ij,j->i", matrix, vector)
    return product


def _factor(design: Inputs) -> list[list[float]]:
    """Return Cholesky's lower factor of the normal equations with the penalty, as rows (a few columns: no arrays)."""
    gram = np.einsum("ni,nj->ij", design, design).tolist()
    lower: list[list[float]] = []
    for i, of_gram in enumerate(gram):
        row: list[float] = []
        for j in range(i):
            row.append((of_gram[j] - sum(map(mul, row, lower[j]))) / lower[j][j])
        row.append(math.sqrt(of_gram[i] + PENALTY - sum(map(mul, row, row))))
        lower.append(row)
    return lower


def _solve(lower: list[list[float]], design: Inputs, target: Inputs) -> Inputs:
    """Return the weights that minimise the squared errors plus the penalty."""
    weights: list[float] = np.einsum("ni,n->i", design, target).tolist()
    for i, row in enumerate(lower):
        weights[i] = (weights[i] - sum(map(mul, row[:i], weights))) / row[i]
    for i in reversed(range(len(lower))):
        later = range(i + 1, len(lower))
        weights[i] = (weights[i] - sum(lower[k][i] * weights[k] for k in later)) / lower[i][i]
    return np.array(weights)
