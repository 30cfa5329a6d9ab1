"""What one scheduler knew, believed and chose when it placed a task, what would have been best, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.estimator import Seconds
from engine.placement import Shares
from engine.state import ClusterState
from engine.task import Task
from engine.workload import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Prospects:
    """What a task would meet on each device; one entry a device.

    ``start_s`` is the second at which its slots are free there and its parents' data have come (inf: it has too few
    slots, or a parent has not finished), ``seconds`` how long the whole task takes there (inf where it does not fit).
    """

    start_s: FloatArray
    seconds: FloatArray

    @property
    def finish_s(self) -> FloatArray:
        """When the whole task would finish there."""
        return self.start_s + self.seconds


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """What a scheduler had before it at second ``at_s``, just before it placed the task.

    Per device model, at speed 1: the ``nominal_s`` of the workload, and ``expected_s``, what its estimator said.
    ``learned`` says for each model whether the estimator had learned that (empty: it does not learn, or does not say);
    ``explored`` is the model that it made tempting for the sake of knowing, None as a rule. Per device: ``queue``
    counts the shares that waited, ``free_slots`` the slots on which nothing ran; ``prospects`` are as it believed.
    """

    at_s: float
    estimator: str
    learned: tuple[bool, ...]
    explored: int | None
    nominal_s: tuple[float, ...]
    expected_s: tuple[float, ...]
    queue: IntArray
    free_slots: IntArray
    prospects: Prospects


@dataclass(frozen=True, slots=True, eq=False)
class Hindsight:
    """What was best for this one task at second ``at_s``: the placement that finishes it first, the choice included,
    where what runs and waits goes on as it truly does and nothing else is placed any more.

    Selfish: what it costs others does not count. ``shares`` is that placement, ``finish_s`` when it finishes the task,
    ``choice_finish_s`` when what the scheduler chose does; inf: never, for want of something that is placed later.
    ``tried_all`` says that no placement was left out that might be better still. ``true_s`` are the true seconds per
    device model at speed 1, ``prospects`` the truth per device: as it was where the whole task was tried there, else
    the start is the earliest possible one. ``at_s`` is later than the decision where a parent had not finished then: it
    is the second at which the last of them had, and the task is moved from the queue in which it waits.
    """

    at_s: float
    true_s: tuple[float, ...]
    prospects: Prospects
    shares: Shares
    finish_s: float
    choice_finish_s: float
    tried_all: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """One task of one scheduler, from its arrival to its finish.

    ``order`` is the rank in the device's queue that it was given, None for none. ``believed_start_s`` and
    ``believed_finish_s`` are of the chosen shares together; inf where a parent had not finished.
    """

    scheduler: str
    task: int
    arrival_s: float
    knowledge: Knowledge
    shares: Shares
    order: float | None
    believed_start_s: float
    believed_finish_s: float
    hindsight: Hindsight
    start_s: float
    finish_s: float

    @property
    def response_s(self) -> float:
        """Finish minus arrival."""
        return self.finish_s - self.arrival_s

    @property
    def chose_best(self) -> bool:
        """Whether no other placement would have finished the task earlier, had nothing been placed later."""
        return self.shares == self.hindsight.shares

    @property
    def lost_s(self) -> float:
        """Seconds by which the task finished later than it would have after the best placement.

        Negative where what was placed later let it finish earlier: a parent of a share that headed a strict queue, or a
        delay that brought shares into another order (Graham, 1969).
        """
        return self.finish_s - self.hindsight.finish_s


def starts(task: Task, state: ClusterState, free_s: Callable[[int], float]) -> FloatArray:
    """Return when a task could start on each device; ``free_s`` is asked when its slots are free there."""
    return np.array([max(free_s(d), state.data_ready(task, d)) for d in range(len(state.devices))])


def whole_s(task: Task, state: ClusterState, expected: Seconds) -> FloatArray:
    """Return the seconds of the whole task on each device, from those per device model; inf where it does not fit."""
    devices = range(len(state.devices))
    return np.array([share_s(task, state, expected, d, 1.0) if state.fits(task, d) else np.inf for d in devices])


def share_s(task: Task, state: ClusterState, expected: Seconds, device: int, fraction: float) -> float:
    """As :meth:`engine.state.ClusterState.seconds`, with seconds per device model that were asked for before."""
    return state._states[device].seconds(expected, task.transfer_gb, fraction)
