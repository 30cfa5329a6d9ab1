"""A policy that learns from rewards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.cluster import Cluster
from engine.completion import Completion
from engine.params import parameter
from engine.pending import Pending
from engine.placement import Placement
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from engine.weights import Weights
from plugins.schedulers.actions import BELIEVED, actions, earned
from plugins.schedulers.declining import nowhere_split

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class RlParams:
    """Parameters of :class:`RlAgent`."""

    exploration: float = parameter(0.1, "Share of placements tried at random at the start", low=0.0, high=1.0)
    decay: float = parameter(500.0, "Completions after which exploration has halved", low=1.0)
    memory: float = parameter(2000.0, "Completions after which an experience counts half", low=10.0)
    trust: float = parameter(50.0, "How many experiences the heuristic it starts from is worth", low=0.1)


class RlAgent(Scheduler):
    """Reinforcement learning with a linear action value, bootstrapped from ``mct``.

    Actions are the earliest free device of each group of equal devices, and the best split of each CPU+GPU pair. The
    value of an action is linear in its features (believed wait and run, device kind, backlog of the kinds it uses);
    the reward is minus the race's weighted score of the task: response seconds, energy above idle, cost. The weights
    start as those of ``mct`` (score = wait + run) and follow the rewards by recursive least squares with forgetting
    (Bradtke & Barto, Machine Learning 22, 1996, with discount 0: each placement is judged by its own task).
    Exploration is epsilon-greedy and halves every ``decay`` completions (Sutton & Barto 2018, section 2.2).
    """

    name = "rl_agent"
    summary = "Learns from rewards which placement pays, starting from what mct believes."
    explanation = (
        "rl_agent: linear action values learned by recursive least squares, epsilon-greedy, bootstrapped from mct. "
        "Judges each placement by its own task, so it is as selfish as mct; it learns how far to trust the nominal "
        "times."
    )
    Params = RlParams

    def __init__(self, params: RlParams | None = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._weights: Vector = np.array(BELIEVED)
        self._covariance: Vector = np.eye(len(BELIEVED)) / self.params.trust
        self._forget = 0.5 ** (1.0 / self.params.memory)
        self._chosen: dict[int, Vector] = {}
        self._completions = 0
        self._race_weights = Weights()

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        self._race_weights = state.weights
        epsilon = self.params.exploration * 0.5 ** (self._completions / self.params.decay)
        for task in pending.ready():
            options = actions(task, state)
            features = np.array([option.features for option in options])
            if self.rng.random() < epsilon:
                choice = int(self.rng.integers(len(options)))
            else:
                choice = int(np.argmin(features @ self._weights))
            self._chosen[task.index] = features[choice]
            yield Placement(task, options[choice].shares)

    def observe(self, completion: Completion) -> None:
        """Move the weights towards the score that the placement earned."""
        self._completions += 1
        score = earned(completion, self._race_weights)
        x = self._chosen.pop(completion.task.index)
        gain = self._covariance @ x
        gain /= self._forget + float(x @ gain)
        error = score - float(x @ self._weights)
        self._weights = self._weights + gain * error
        self._covariance = (self._covariance - np.outer(gain, x @ self._covariance)) / self._forget

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits neither one device nor a CPU and a GPU together."""
        return nowhere_split(cls.name, tasks, cluster)
