"""A decision, lived through again: nothing is kept of it during a race, because the same race gives the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from engine.cluster import Cluster
from engine.decision import Decision, Knowledge, Prospects, share_s, starts, whole_s
from engine.decision_clock import DecisionClock
from engine.estimating import TableEstimator
from engine.estimator import Seconds
from engine.hindsight import HindsightSearch
from engine.learner import Learner
from engine.pending import Pending
from engine.placement import Placement, Shares
from engine.placement_rules import checked
from engine.race import LaneSpec
from engine.shared import Shared
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.task import Task
from engine.weights import Weights
from engine.workload import FloatArray, IntArray, Workload


class DecisionReplay(Simulation):
    """One lane of a race, run again from its beginning until one task has finished.

    Give it what the race was given, its scheduler fresh, and the row of the task. :meth:`advance` it until it is
    ``over``, with as many events at a time as suits; then ``decision`` is there, or ``problem`` says why there is none.
    The scheduler is asked exactly what it was asked in the race, so it decides the same; :meth:`close` as a simulation.
    What would have been best is searched for once the task has finished, and counts as events too.
    """

    def __init__(
        self,
        workload: Workload,
        cluster: Cluster,
        lane: LaneSpec,
        task: int,
        *,
        weights: Weights | None = None,
        shared: Shared | None = None,
    ) -> None:
        shared = shared or Shared(workload)
        super().__init__(
            workload, cluster, lane.scheduler, lane.estimator, weights=weights, shared=shared, seed=lane.seed
        )
        self.label = lane.label
        self.task = self.columns.tasks[task]
        self._nominal_s: tuple[float, ...] = tuple(workload.etc_s[task].tolist())
        self._rank = self._arrivals.index(task) + 1
        self._choice: _Choice | None = None
        self._knowledge: Knowledge | None = None
        self._search: HindsightSearch | None = None
        self._answers = _Overheard(self._expected, task)
        self._expected = self._state.expected = self._answers
        self._asked_of = lane.scheduler.place
        self._place = self._place_watched
        self.decisions = DecisionClock(self._place)

    def advance(self, until_s: float = math.inf, events: float = math.inf) -> int:
        """As of a simulation; once the task has finished, search for what would have been best instead."""
        done = super().advance(until_s, events) if self._finish_s() is None else 0
        if self._search is not None and self._finish_s() is not None:
            done += self._search.advance(events - done)
        return done

    @property
    def over(self) -> bool:
        """Whether nothing more is to be learned of the task."""
        if self._finish_s() is None:
            return self.status != "running"
        return self._search is None or self._search.result is not None

    @property
    def share(self) -> float:
        """How far it has come (0..1), as far as one can tell: when a task finishes, about as many have finished as had
        arrived before it."""
        return (min(self.arrived, self._rank) + min(self.completions, self._rank)) / (2 * self._rank)

    @property
    def decision(self) -> Decision | None:
        """The decision on the task, once that has finished."""
        finish_s, choice, search = self._finish_s(), self._choice, self._search
        if finish_s is None or choice is None or self._knowledge is None or search is None or search.result is None:
            return None
        return Decision(
            scheduler=self.label,
            task=self.task.index,
            arrival_s=self.task.arrival_s,
            knowledge=self._knowledge,
            shares=choice.shares,
            order=choice.order,
            believed_start_s=choice.start_s,
            believed_finish_s=choice.finish_s,
            hindsight=search.result,
            start_s=min(self.ledger.start_s[part] for part in self.ledger.parts_of(self.task.index)),
            finish_s=finish_s,
        )

    @property
    def problem(self) -> str | None:
        """A sentence that says why it is over without a decision."""
        if not self.over or self._finish_s() is not None:
            return None
        before = "it had placed the task" if self._choice is None else "the task had finished"
        if self.status == "disqualified":
            return f"{self.label} was disqualified before {before}: {self.reason}"
        return f"{self.label} was stopped before {before}."

    def _finish_s(self) -> float | None:
        ends_s = [self.ledger.end_s[part] for part in self.ledger.parts_of(self.task.index)]
        return None if not ends_s or any(map(math.isnan, ends_s)) else max(ends_s)

    def _place_watched(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        placements = self._asked_of(pending, state)
        if self.task not in pending or placements is None:  # None breaks the contract; the event loop says so
            return placements
        return self._watched(placements, pending, state)

    def _watched(self, placements: Iterable[Placement], pending: Pending, state: ClusterState) -> Iterator[Placement]:
        for placement in placements:
            if not self._is_of_task(placement):
                yield placement
                continue
            _, shares, order = checked(placement, pending, state)
            before = self._look(state, order)
            if state.ready(self.task):
                self._search = HindsightSearch(self, self.task, shares, order)
            yield placement
            self._remember(before, shares, order)

    def _is_of_task(self, placement: object) -> bool:
        if not isinstance(placement, Placement) or not isinstance(placement.task, Task):
            return False  # a stranger's answer, which the event loop refuses
        return placement.task.index == self.task.index

    def _look(self, state: ClusterState, order: float | None) -> _Before:
        """See what the placement will change."""
        task, devices = self.task, range(len(state.devices))

        def free_s(device: int) -> float:
            if order is None:
                return state.available_at(device, task.slots)
            return state.in_line(device, order, task.slots)[0]

        return _Before(
            state.now,
            np.array([state.queue_length(d) for d in devices]),
            np.array([state.free_slots(d) for d in devices]),
            starts(task, state, free_s),
        )

    def _remember(self, before: _Before, shares: Shares, order: float | None) -> None:
        """The task has been placed: only now has the estimator certainly been asked."""
        task, state, estimator = self.task, self._state, self.estimator
        expected = estimator.seconds(task) if isinstance(estimator, TableEstimator) else self._answers.last
        learner = estimator if isinstance(estimator, Learner) else None
        start_s = [float(before.start_s[device]) for device, _ in shares]
        finish_s = [
            s + share_s(task, state, expected, device, part) for s, (device, part) in zip(start_s, shares, strict=True)
        ]
        self._choice = _Choice(shares, order, min(start_s), max(finish_s))
        self._knowledge = Knowledge(
            at_s=before.now_s,
            estimator=estimator.name,
            learned=learner.trusted if learner is not None else (),
            explored=learner.exploration.explored(task.index) if learner is not None else None,
            nominal_s=self._nominal_s,
            expected_s=tuple(expected),
            queue=before.queue,
            free_slots=before.free_slots,
            prospects=Prospects(before.start_s, whole_s(task, state, expected)),
        )

    def _release_children(self, task: int) -> None:
        """Where the task was placed before its parents had finished, judge it when the last of them has, before
        anything has started that may go behind it."""
        choice, missing = self._choice, self._precedence._missing_parents[self.task.index]
        if choice is not None and missing and missing == self.task.parents.count(task):
            self._search = HindsightSearch(self, self.task, choice.shares, choice.order, last_parent=task)
        super()._release_children(task)


class _Before(NamedTuple):
    """What the placing of the task changes: per device, as in :class:`Knowledge`."""

    now_s: float
    queue: IntArray
    free_slots: IntArray
    start_s: FloatArray


class _Choice(NamedTuple):
    """Where the task was placed, when its first share was believed to start and its last to end."""

    shares: Shares
    order: float | None
    start_s: float
    finish_s: float


class _Overheard:
    """Stands in for an estimator and keeps its last answer about one task.

    So it need not be asked once more than in the race, after which a stranger's might answer otherwise. It holds
    nothing that a policy must not reach.
    """

    __slots__ = ("_expected", "_task", "last")

    def __init__(self, expected: Callable[[Task], Seconds], task: int) -> None:
        self._expected = expected
        self._task = task
        self.last: Seconds = ()

    def __call__(self, task: Task) -> Seconds:
        answer = self._expected(task)
        if task.index == self._task:
            self.last = answer
        return answer
