"""How often the better device was chosen, and what the choices brought against always taking the same one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.evaluation.choosing import Choose, best_device, static
from app.evaluation.folds import SEED, Fold
from engine.workload import FloatArray, IntArray
from plugins.workloads.kernels import MeasuredKernels

_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Score:
    """``accuracy``: the share of kernels whose better device was chosen, ``interval`` its 95 % interval, programs being
    drawn. Speed-ups are over the best static device, kernel by kernel: their arithmetic and their geometric mean."""

    accuracy: float
    interval: tuple[float, float]
    speedup: float
    geomean_speedup: float

    def as_json(self) -> dict[str, Any]:
        """Return the score as a JSON object."""
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "speedup_over_static": self.speedup,
            "geomean_speedup": self.geomean_speedup,
        }


def choices(choose: Choose, folds: Sequence[Fold]) -> IntArray:
    """Return the device chosen for each kernel, while it was in a test."""
    chosen = np.empty(sum(len(fold.test) for fold in folds), dtype=np.int64)
    for fold in folds:
        chosen[fold.test] = choose(fold.train, fold.test)
    return chosen


def score(kernels: MeasuredKernels, programs: Sequence[str], chosen: IntArray) -> Score:
    """Return how good the choices are."""
    rows = np.arange(len(chosen))
    right = chosen == best_device(kernels)
    speedups = kernels.seconds[rows, static(kernels)(rows, rows)] / kernels.seconds[rows, chosen]
    return Score(
        accuracy=float(right.mean()),
        interval=_interval(right.astype(float), programs),
        speedup=float(speedups.mean()),
        geomean_speedup=float(np.exp(np.log(speedups).mean())),
    )


def _interval(right: FloatArray, programs: Sequence[str]) -> tuple[float, float]:
    """Return the 95 % interval of the share, bootstrapped: kernels of one program are not independent of each other."""
    _, program = np.unique(np.array(programs), return_inverse=True)
    rights, kernels = np.bincount(program, right), np.bincount(program)
    drawn = np.random.default_rng(SEED).integers(len(kernels), size=(_DRAWS, len(kernels)))
    low, high = np.percentile(rights[drawn].sum(axis=1) / kernels[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)
