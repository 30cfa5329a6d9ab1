"""Earliest finish that charges itself for the waiting it causes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from engine.cluster import Cluster
from engine.params import parameter
from engine.pending import Pending
from engine.placement import Placement, Shares
from engine.scheduler import Scheduler
from engine.split import best_of, sides
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_split

MEMORY = 200
"""Arrivals over which rates are remembered (exponentially): the tasks of the last minutes, not of the whole race."""
DOUBT = 10
"""Arrivals before the rates are half believed: the first gaps between arrivals say little."""


@dataclass(frozen=True)
class CongestionParams:
    """Parameters of :class:`Congestion`."""

    charge: float = parameter(
        1.0, "Seconds counted for a second that tasks yet to come are believed to wait; 0 ignores them", low=0.0
    )
    queue: str = parameter(
        "shortest",
        "Which queued task a device takes next: the shortest one, or the first placed (then nobody can be overtaken)",
        choices=("shortest", "first"),
    )


class Congestion(Scheduler):
    """Earliest finish, in which a placement also pays for the delay that it imposes on others.

    *Those who wait.* A device takes the queued task with the fewest expected seconds next (on its fastest model), which
    has the least mean response of all orders that do not interrupt tasks (Phipps, Operations Research 4, 1956). A share
    of x seconds then waits for the shorter ones alone, and each of the b longer ones behind it waits x longer: b x.

    *Those who come.* A second of work on a group of equal devices with M slots delays everybody who joins the group
    until it has drained by 1/M s each. With a drain of B seconds and an arrival rate r at the group these are r B
    others, so a share of x seconds on s slots is charged::

        charge x r B s x / M

    Both are added to its finish, times the race's weight of time. This is the first policy iteration from a random
    split, for which the relative value of an M/G/1 FCFS queue with arrival rate r, load p and backlog u is
    r u^2 / (2 (1 - p)), so that a task of x seconds costs the others r (2 u x + x^2) / (2 (1 - p)) (Hyytia, Penttinen &
    Aalto, Size- and state-aware dispatching problem with queue-specific job sizes, EJOR 217, 2012), with three changes,
    each measured: equal devices are one queue; the task's own x^2 is left out (it made every share smaller, and low
    loads worse); and so is 1 / (1 - p), which holds if nobody else reacts: later tasks avoid the queue, too.

    Both charges are linear in a share, so the best split stays where :mod:`engine.split` looks for it. B is when the
    first of the group's n devices is believed free, and one n-th of what the average device has more: who arrives takes
    the first. r counts placements, not tasks, because only those who use a group wait for it. All that is known comes
    from the past of this race: no rate is given. Tasks of a graph queue in the order of their placement, because the
    shortest of them need not be the one that others wait for.
    """

    name = "congestion"
    summary = "As mct, but each placement pays for the waiting that it causes to others, and short tasks go first."
    explanation = (
        "congestion: earliest finish plus what it costs the others: those behind it in the queue, and those who come "
        "while the queue drains. Unselfish where devices are scarce, the same as mct where they are idle. The first "
        "choice for tasks that arrive over time. hybrid_ml is this rule with learned seconds. After Hyytia, Penttinen "
        "and Aalto 2012."
    )
    Params = CongestionParams

    def __init__(self, params: CongestionParams | None = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._charge = float(self.params.charge)
        self._group_of: dict[int, int] = {}
        self._used: list[float] = []
        self._arrivals = self._seen = self._elapsed_s = 0.0
        self._looked_s = math.nan

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        self._look(state)
        shortest = self.params.queue == "shortest" and state.independent
        for task in pending.ready():
            order = min(state.expected(task)) if shortest else None
            yield Placement(task, self._shares(task, state, order), order)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits neither one device nor a CPU and a GPU together."""
        return nowhere_split(cls.name, tasks, cluster)

    def _shares(self, task: Task, state: ClusterState, order: float | None) -> Shares:
        delays = [self._delay(group, state) for group in range(len(state.equals))]
        shares = best_of(sides(task, state, order=order, delays=delays), task.divisible, state.weights)
        for device, _ in shares:
            self._used[self._group_of[device]] += 1.0
        return shares

    def _delay(self, group: int, state: ClusterState) -> float:
        """Return the seconds that tasks yet to come wait, all together, for a second of one slot of a group."""
        if not self._elapsed_s:
            return 0.0
        rate = self._used[group] / self._elapsed_s * self._seen / (self._seen + DOUBT)
        devices, free_s = state.equals[group], state.available_in(group)
        first_s, mean_s = min(free_s), math.fsum(free_s) / len(free_s)
        drain_s = first_s - state.now + (mean_s - first_s) / len(free_s)
        return self._charge * rate * drain_s / (len(devices) * state.devices[devices[0]].slots)

    def _look(self, state: ClusterState) -> None:
        """Take the arrivals since the last look into the remembered rates."""
        if not self._group_of:
            self._group_of = {device: number for number, group in enumerate(state.equals) for device in group}
            self._used = [0.0] * len(state.equals)
            self._arrivals, self._looked_s = state.arrivals, state.now
        new = state.arrivals - self._arrivals
        if new:
            kept = math.exp(-new / MEMORY)
            self._seen = self._seen * kept + new
            self._elapsed_s = self._elapsed_s * kept + (state.now - self._looked_s)
            self._used = [used * kept for used in self._used]
            self._arrivals, self._looked_s = state.arrivals, state.now
