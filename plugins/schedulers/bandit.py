"""A contextual bandit: it tries what it is unsure of."""

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

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BanditParams:
    """Parameters of :class:`Bandit`."""

    optimism: float = parameter(
        0.3, "Standard deviations by which an action may be better than believed; 0 never explores", low=0.0
    )
    trust: float = parameter(50.0, "How many experiences the heuristic it starts from is worth", low=0.1)


class Bandit(Scheduler):
    """LinUCB with one linear model for all actions (Li, Chu, Langford & Schapire, WWW 2010, algorithm 1 with shared
    weights), bootstrapped from ``mct``.

    With x the features of an action (:mod:`plugins.schedulers.actions`), A = trust I + sum x x' over the experiences
    and w the weights that fit their scores best (those of ``mct`` at the start), it takes the action with the least
    w x - optimism sigma sqrt(x' A^-1 x): the less it knows of an action, the better it takes it to be. ``sigma`` is the
    spread of what it was wrong by. No randomness: it explores where that may pay.
    """

    name = "bandit"
    summary = "Tries the placements that it knows least about, as long as they may be the best ones."
    explanation = (
        "bandit: LinUCB, Li et al. 2010, bootstrapped from mct. To be compared with rl_agent, which explores at "
        "random. As selfish as mct: each placement is judged by its own task."
    )
    Params = BanditParams

    def __init__(self, params: BanditParams | None = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        n = len(BELIEVED)
        self._weights: Array = np.array(BELIEVED)
        self._inverse: Array = np.eye(n) / self.params.trust
        self._chosen: dict[int, Array] = {}
        self._squares, self._count = 0.0, 0
        self._race_weights = Weights()

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        self._race_weights = state.weights
        sigma = (self._squares / self._count) ** 0.5 if self._count else 0.0
        for task in pending.ready():
            options = actions(task, state)
            x = np.array([option.features for option in options])
            doubt = np.sqrt(((x @ self._inverse) * x).sum(axis=1))
            choice = int(np.argmin(x @ self._weights - self.params.optimism * sigma * doubt))
            self._chosen[task.index] = x[choice]
            yield Placement(task, options[choice].shares)

    def observe(self, completion: Completion) -> None:
        """Add an experience (Sherman & Morrison, Annals of Mathematical Statistics 21, 1950)."""
        x = self._chosen.pop(completion.task.index)
        along = self._inverse @ x
        gain = along / (1.0 + float(x @ along))
        error = earned(completion, self._race_weights) - float(x @ self._weights)
        self._weights = self._weights + gain * error
        self._inverse = self._inverse - np.outer(gain, along)
        self._squares += error * error
        self._count += 1

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits neither one device nor a CPU and a GPU together."""
        return nowhere_split(cls.name, tasks, cluster)
