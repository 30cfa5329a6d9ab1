"""A forest that predicts the GPU fraction itself: the way not to do it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.cluster import Cluster, Kind
from engine.completion import Completion
from engine.params import parameter
from engine.pending import Pending
from engine.placement import Placement, Shares
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.estimators.tree_walk import Tree, export, mean_prediction, scikit_learn
from plugins.schedulers.declining import nowhere_whole

EVEN = 0.5
"""The fraction of every task until the first forest is grown."""
WHOLE = 0.02
"""A share smaller than this is not worth its launch: the task runs whole on the other side."""


@dataclass(frozen=True)
class HybridFractionParams:
    """Parameters of :class:`HybridFraction`."""

    trees: int = parameter(10, "Trees of the forest", low=1, high=500)
    interval: int = parameter(50, "Completions between two retrainings", low=1)
    window: int = parameter(1000, "Latest tasks that a retraining sees", low=10)


class HybridFraction(Scheduler):
    """Predicts from a task's features which fraction of it belongs on a GPU, and splits it so, whatever waits there.

    The origin of this project did so, with a random forest of ten trees that is retrained every 50 tasks on the last
    1,000. Here it learns from what it has seen: a task that ran on both sides tells the fraction with which both would
    have taken as long, T_cpu / (T_cpu + T_gpu). It is kept so that anyone can see what is lost by that: the best
    fraction depends on the backlogs, which are no feature of a task, and a mean of fractions is no fraction for anyone.
    """

    name = "hybrid_fraction"
    summary = "Predicts the GPU fraction of each task directly, blind to what waits: shows why that fails."
    explanation = (
        "hybrid_fraction: a forest learns the fraction that balances CPU and GPU on an empty cluster. Never the right "
        "choice once tasks queue; compare it with hybrid_ml, which learns the times and then solves for the split."
    )
    Params = HybridFractionParams

    def __init__(self, params: HybridFractionParams | None = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._seen: deque[tuple[list[float], float]] = deque(maxlen=self.params.window)
        self._forest: list[Tree] = []

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task in pending.ready():
            yield Placement(task, self._shares(task, state))

    def observe(self, completion: Completion) -> None:
        """Remember the fraction that would have balanced a task that ran on both sides; retrain when it is time."""
        if len(completion.shares) == 2:
            cpu_s, gpu_s = (share.work_s for share in completion.shares)
            if cpu_s > 0.0 and gpu_s > 0.0:
                self._seen.append((_row(completion.task), cpu_s / (cpu_s + gpu_s)))
        if completion.number % self.params.interval == 0 and len(self._seen) >= self.params.trees:
            self._forest = self._grown()

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: the fraction that it learns knows nothing of memory."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)

    def _shares(self, task: Task, state: ClusterState) -> Shares:
        cpu, gpu = (_first_free(task, state, kind) for kind in ("cpu", "gpu"))
        f = mean_prediction(self._forest, _row(task)) if self._forest else EVEN
        if cpu >= 0 and gpu >= 0 and task.divisible and WHOLE <= f <= 1.0 - WHOLE:
            return ((cpu, 1.0 - f), (gpu, f))
        better, other = (gpu, cpu) if f >= EVEN else (cpu, gpu)
        return ((better if better >= 0 else other, 1.0),)

    def _grown(self) -> list[Tree]:
        rows, fractions = zip(*self._seen, strict=True)
        seed = int(self.rng.integers(2**31))
        forest = scikit_learn("ensemble").RandomForestRegressor(n_estimators=self.params.trees, random_state=seed)
        forest.fit(np.array(rows, dtype=np.float32), np.array(fractions))
        return [export(tree) for tree in forest.estimators_]


def _row(task: Task) -> list[float]:
    return [float(value) for value in task.features] or [0.0]


def _first_free(task: Task, state: ClusterState, kind: Kind) -> int:
    """Return the device of a kind that is believed free first for a task; -1 where it fits none."""
    best, best_s = -1, math.inf
    for device in state.by_kind[kind]:
        if state.fits(task, device.index):
            free_s = state.available_at(device.index, task.slots)
            if free_s < best_s:
                best, best_s = device.index, free_s
    return best
