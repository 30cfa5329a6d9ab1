"""The contract of a policy that races. A user's own policy is a subclass in one file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from engine.cluster import Cluster
    from engine.completion import Completion
    from engine.pending import Pending
    from engine.placement import Placement
    from engine.state import ClusterState
    from engine.task import TaskColumns


@dataclass(frozen=True)
class NoParams:
    """The parameters of a plugin that has none."""


class Scheduler:
    """A policy. Subclass it, give it a ``name``, and write :meth:`place`.

    One instance serves one simulation and is called from one thread only. It sees the workload through ``pending`` and
    the cluster through ``state``; how long a task takes it asks ``state.expected`` or ``state.seconds``, so that the
    same rule can race on nominal, learned and true times. All randomness must come from ``self.rng``: the same seed
    then gives the same race.

    ``Params`` is a frozen dataclass that declares the parameters once, each with
    :func:`engine.params.parameter`; ``self.params`` holds the chosen values.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    """One sentence for the list of policies."""
    explanation: ClassVar[str] = ""
    """The tooltip: how it decides, when it is the right choice, and its source."""
    Params: ClassVar[type] = NoParams

    def __init__(self, params: Any = None, seed: int = 0) -> None:
        self.params: Any = self.Params() if params is None else params
        self.rng = np.random.default_rng(seed)

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """Return or yield placements for some of the pending tasks.

        ``pending`` holds the tasks that have arrived and are not placed, ready or not, in arrival order. Placements are
        applied one by one as they are iterated, so a generator sees ``state`` after each. Leaving a task out means 'ask
        me again': this is called after every arrival and finish while something is pending, and again at the same
        instant until it places nothing. A placement is final; placing on a busy device queues there.
        """
        raise NotImplementedError

    def observe(self, completion: Completion) -> None:
        """Called after each finished task of this scheduler; the default ignores it."""

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Return why this policy cannot serve the workload on the cluster, as a sentence, or None when it can."""
        return None
