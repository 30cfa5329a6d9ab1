"""Ways to choose a kernel's device from its counts, which are known before it runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.evaluation.folds import SEED
from engine.estimator import EstimatorContext
from engine.training import TrainingLog
from engine.workload import FloatArray, IntArray
from plugins.estimators.forest import Forest
from plugins.estimators.tree_walk import scikit_learn
from plugins.workloads.kernels import COUNTS, MeasuredKernels

CPU, GPU = 0, 1
Choose = Callable[[IntArray, IntArray], IntArray]
"""From the rows to learn from and the rows to choose for, to :data:`CPU` or :data:`GPU` for each of the latter."""
TREES = 200


def best_device(kernels: MeasuredKernels) -> IntArray:
    """Return for each kernel the device that was faster (the CPU where they were equal)."""
    best: IntArray = np.where(kernels.seconds[:, GPU] < kernels.seconds[:, CPU], GPU, CPU)
    return best


def static(kernels: MeasuredKernels) -> Choose:
    """Always the device that is best most often, all kernels known, as in the published notebook."""
    device = GPU if 2 * int(best_device(kernels).sum()) > len(kernels.names) else CPU
    return lambda train, test: np.full(len(test), device)


def extra_trees(kernels: MeasuredKernels) -> Choose:
    """Extremely randomised trees (Geurts, Ernst & Wehenkel, Machine Learning 63, 2006) that try all columns at each
    split, on the logarithms of the counts and the four ratios of Grewe et al."""
    inputs, best = np.hstack([np.log1p(kernels.counts), grewe_ratios(kernels.counts)]), best_device(kernels)

    def choose(train: IntArray, test: IntArray) -> IntArray:
        grow = scikit_learn("ensemble").ExtraTreesClassifier
        trees = grow(TREES, max_features=None, random_state=SEED).fit(inputs[train], best[train])
        chosen: IntArray = trees.predict(inputs[test])
        return chosen

    return choose


def racing_forest(kernels: MeasuredKernels) -> Choose:
    """The estimator ``forest`` as it races: it learns the seconds on both devices, and the shorter ones are chosen."""
    features, n = np.log1p(kernels.counts), len(kernels.names)

    def choose(train: IntArray, test: IntArray) -> IntArray:
        nominal_s = np.broadcast_to(np.median(kernels.seconds[train], axis=0), (n, 2))
        log = TrainingLog(features)
        for number, row in enumerate(train.tolist(), 1):
            for model in (CPU, GPU):
                log.append(number, row, model, 1.0, nominal_s[row, model], kernels.seconds[row, model])
        names = tuple(f"log_{column}" for column in COUNTS)
        forest = Forest(EstimatorContext(("cpu", "gpu"), nominal_s, features, names, log, SEED))
        answer = forest.fit(log.latest(len(train), 2 * len(train)))
        return np.array([int(np.argmin(answer(row))) for row in test.tolist()])

    return choose


def grewe_tree(kernels: MeasuredKernels) -> Choose:
    """The decision tree of Grewe, Wang & O'Boyle (CGO 2013) with the settings of the published notebook."""
    inputs, best = grewe_ratios(kernels.counts), best_device(kernels)

    def choose(train: IntArray, test: IntArray) -> IntArray:
        grow = scikit_learn("tree").DecisionTreeClassifier
        tree = grow(criterion="entropy", max_depth=5, min_samples_leaf=5, random_state=SEED)
        chosen: IntArray = tree.fit(inputs[train], best[train]).predict(inputs[test])
        return chosen

    return choose


def grewe_ratios(counts: FloatArray) -> FloatArray:
    """Return the four features of Grewe et al. 2013, table 1: bytes moved for each instruction, the coalesced share of
    the accesses, accesses to local memory x work-group size, instructions for each access (0 for nothing / 0)."""
    of = {name: counts[:, column] for column, name in enumerate(COUNTS)}
    instructions = of["comp"] + of["mem"]
    return np.column_stack(
        [
            of["transfer"] / np.maximum(instructions, 1),
            of["coalesced"] / np.maximum(of["mem"], 1),
            of["localmem"] / np.maximum(of["mem"], 1) * of["wgsize"],
            of["comp"] / np.maximum(of["mem"], 1),
        ]
    )
