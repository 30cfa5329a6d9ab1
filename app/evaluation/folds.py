"""Which kernels are tested while the others are learned from: the published protocol, and one that does not leak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.errors import InputError
from engine.workload import IntArray
from plugins.estimators.tree_walk import scikit_learn

FOLDS = 10
SEED = 204
"""That of the published notebook ('Case Study A' of the artifact of Cummins et al. 2017)."""


class Fold(NamedTuple):
    """Rows to learn from, and rows to be tested on."""

    train: IntArray
    test: IntArray


def program_of(benchmark: str) -> str:
    """Return suite and program of ``suite-program-kernel``; the kernel's name has no hyphen."""
    return benchmark.rpartition("-")[0] or benchmark


def stratified(best: IntArray) -> list[Fold]:
    """Return the folds of the published protocol: kernels at random, each fold with the same share of each best device.

    There are :data:`FOLDS`, or as many as one device is best for kernels; :class:`InputError` where that is not 2.
    """
    count = min(FOLDS, *(int((best == device).sum()) for device in (0, 1)))
    if count < 2:
        raise InputError(
            "On this file one device is the faster one for all kernels but at most one, so there is nothing to predict."
        )
    folds = scikit_learn("model_selection").StratifiedKFold(count, shuffle=True, random_state=SEED)
    return [Fold(*fold) for fold in folds.split(np.zeros(len(best)), best)]


def grouped(programs: Sequence[str]) -> list[Fold]:
    """Return folds, as equal in size as can be, that never have kernels of one program in training and test at once.

    There are :data:`FOLDS`, or as many as programs; :class:`InputError` where there is one program only.
    """
    count = min(FOLDS, len(set(programs)))
    if count < 2:
        raise InputError(
            f"All kernels are of the program '{programs[0]}' (a benchmark's name up to its last hyphen); to be tested "
            "on a program that was not learned from, at least two are needed."
        )
    folds = scikit_learn("model_selection").GroupKFold(count)
    return [Fold(*fold) for fold in folds.split(np.zeros(len(programs)), groups=np.array(programs))]


def seen_before(names: Sequence[str], folds: Sequence[Fold]) -> float:
    """Return for which share of all tests something of the same name was in training."""
    known = np.array(names)
    return float(np.mean(np.concatenate([np.isin(known[fold.test], known[fold.train]) for fold in folds])))
