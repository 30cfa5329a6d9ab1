"""What a policy that learns from rewards may do with a task, and how each of that looks to it."""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.cluster import Kind
from engine.completion import Completion
from engine.placement import Shares
from engine.split import best_split, pairs, score_of, sides
from engine.state import ClusterState
from engine.task import Task
from engine.weights import Weights

BELIEVED = (1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""The weights of the features with which an action is worth what ``mct`` believes of it: wait + run."""


class Action(NamedTuple):
    """Shares, and their features: the believed score of the wait and of the run (once more where it is on a GPU, and
    where it is split), the roots of the mean backlog seconds of the CPUs and GPUs that it uses, and 1."""

    shares: Shares
    features: list[float]


def actions(task: Task, state: ClusterState) -> list[Action]:
    """Return them all: the earliest free device of each group of equals, and the best split of each CPU+GPU pair."""
    options, now_s, weights = sides(task, state), state.now, state.weights
    backlog = (_backlog_s(state, "cpu"), _backlog_s(state, "gpu"))
    found: list[Action] = []
    for side in options:
        score = score_of(side, weights)
        if score < math.inf:
            row = _row(side.kind, weights.time * (side.ready_s - now_s), score - weights.time * side.ready_s, backlog)
            found.append(Action(((side.device, 1.0),), row))
    for cpu, gpu in pairs(options) if task.divisible else []:
        split = best_split(cpu, gpu, weights)
        if split is not None:
            ready_s, f = min(cpu.ready_s, gpu.ready_s), split.gpu_fraction
            row = _row("both", weights.time * (ready_s - now_s), split.score - weights.time * ready_s, backlog)
            found.append(Action(((cpu.device, 1.0 - f), (gpu.device, f)), row))
    return found


def earned(completion: Completion, weights: Weights) -> float:
    """Return what a placement has cost by the race's weights: the reward is minus that."""
    w = weights
    return w.time * completion.response_s + w.energy * completion.energy_j + w.cost * completion.cost


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
