"""A policy that learns from rewards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.cluster import Cluster, Kind
from engine.completion import Completion
from engine.params import parameter
from engine.pending import Pending
from engine.placement import Placement
from engine.scheduler import Scheduler
from engine.split import best_split, pairs, score_of, sides
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from engine.weights import Weights
from plugins.schedulers.declining import nowhere_split

Shares = tuple[tuple[int, float], ...]
Vector = NDArray[np.float64]

_FEATURES = 7


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
        self._weights: Vector = np.zeros(_FEATURES)
        self._weights[:2] = 1.0
        self._covariance: Vector = np.eye(_FEATURES) / self.params.trust
        self._forget = 0.5 ** (1.0 / self.params.memory)
        self._chosen: dict[int, Vector] = {}
        self._completions = 0
        self._race_weights = Weights()

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        self._race_weights = state.weights
        epsilon = self.params.exploration * 0.5 ** (self._completions / self.params.decay)
        for task in pending.ready():
            actions = self._actions(task, state)
            features = np.array([f for _, f in actions])
            if self.rng.random() < epsilon:
                choice = int(self.rng.integers(len(actions)))
            else:
                choice = int(np.argmin(features @ self._weights))
            self._chosen[task.index] = features[choice]
            yield Placement(task, actions[choice][0])

    def observe(self, completion: Completion) -> None:
        """Move the weights towards the score that the placement earned."""
        self._completions += 1
        w = self._race_weights
        score = w.time * completion.response_s + w.energy * completion.energy_j + w.cost * completion.cost
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

    def _actions(self, task: Task, state: ClusterState) -> list[tuple[Shares, list[float]]]:
        """Return the shares and the features of every action."""
        options, now_s, weights = sides(task, state), state.now, state.weights
        backlog = (_backlog_s(state, "cpu"), _backlog_s(state, "gpu"))
        actions: list[tuple[Shares, list[float]]] = []
        for side in options:
            score = score_of(side, weights)
            if score < math.inf:
                row = _row(
                    side.kind, weights.time * (side.ready_s - now_s), score - weights.time * side.ready_s, backlog
                )
                actions.append((((side.device, 1.0),), row))
        for cpu, gpu in pairs(options) if task.divisible else []:
            split = best_split(cpu, gpu, weights)
            if split is not None:
                ready_s, f = min(cpu.ready_s, gpu.ready_s), split.gpu_fraction
                row = _row("both", weights.time * (ready_s - now_s), split.score - weights.time * ready_s, backlog)
                actions.append((((cpu.device, 1.0 - f), (gpu.device, f)), row))
        return actions


def _row(place: str, wait_score: float, run_score: float, backlog_s: tuple[float, float]) -> list[float]:
    """Return the features of an action; the scores are what the model believes of its wait, and of all beyond it."""
    return [
        wait_score,
        run_score,
        run_score if place == "gpu" else 0.0,
        run_score if place == "both" else 0.0,
        math.sqrt(backlog_s[0]) if place != "gpu" else 0.0,
        math.sqrt(backlog_s[1]) if place != "cpu" else 0.0,
        1.0,
    ]


def _backlog_s(state: ClusterState, kind: Kind) -> float:
    """Return the mean queued seconds over the devices of a kind."""
    devices = state.by_kind[kind]
    return sum(state.queued_seconds(d.index) for d in devices) / len(devices) if devices else 0.0
