"""Nothing but the estimators ``true`` and ``law`` can reach the true seconds of a task that has not finished."""

from __future__ import annotations

import gc
import math
from array import array
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

from engine.estimator import Estimator
from engine.placement import Placement, on
from engine.race import LaneSpec, Race
from engine.scheduler import Scheduler
from engine.workload import FloatArray, Workload, workload
from plugins.clusters import load_cluster

TASKS = 40


def tasks_with_telling_times() -> Workload:
    """Every true time is a number that occurs nowhere else."""
    rng = np.random.default_rng(1)
    nominal = rng.uniform(0.5, 1.0, (TASKS, 2))
    actual = nominal * rng.uniform(1.1, 1.9, (TASKS, 2))
    return workload(
        "telling", ("cpu", "gpu"), np.arange(TASKS) * 0.1, actual, etc_s=nominal, law_s=actual * 1.01,
        features=rng.random((TASKS, 3)), feature_names=("a", "b", "c"),
    )  # fmt: skip


def reachable_numbers(*roots: object) -> set[float]:
    """Return every float that can be reached from the objects through attributes, containers and arrays.

    Not through modules, classes and the globals of functions: there any program finds anything (``gc``, files, frames).
    """
    numbers: set[float] = set()
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, float):
            numbers.add(thing)
        if id(thing) in seen or isinstance(thing, ModuleType | type):
            continue
        seen.add(id(thing))
        if isinstance(thing, FunctionType):
            waiting.extend([thing.__closure__, thing.__defaults__, thing.__dict__])
        elif isinstance(thing, np.ndarray):
            if thing.dtype.kind == "f":
                numbers.update(thing.ravel().tolist())
            waiting.append(thing.base)
        elif isinstance(thing, array):
            if thing.typecode in "fd":
                numbers.update(thing)
        else:
            waiting.extend(gc.get_referents(thing))
    return numbers


class Snoop(Scheduler):
    """Places in turn, and keeps what it could reach while some tasks ran and some waited."""

    name = "snoop"

    def __init__(self) -> None:
        super().__init__()
        self.reached: set[float] = set()
        self.finished: set[int] = set()
        self.calls = 0

    def place(self, pending: Any, state: Any) -> Iterable[Placement]:
        self.calls += 1
        if self.calls == TASKS // 2:
            self.reached = reachable_numbers(pending, state, pending.first, state.expected, state.running(0))
            self.finished_then = frozenset(self.finished)
        return [on(task, task.index % 2 * 4) for task in list(pending)]

    def observe(self, completion: Any) -> None:
        self.finished.add(completion.task.index)


class Curious(Estimator):
    """Keeps what it could reach from its context at the start."""

    name = "curious"
    learns = True

    def __init__(self, context: Any, params: Any = None) -> None:
        super().__init__(context, params)
        self.reached = reachable_numbers(context)

    def seconds(self, task: Any) -> list[float]:
        return [float(value) for value in self.context.nominal_s[task.index]]


def raced(estimator: str | type[Estimator]) -> tuple[Snoop, Race]:
    snoop = Snoop()
    race = Race(tasks_with_telling_times(), load_cluster("default"), [LaneSpec("snoop", snoop, estimator)])
    while race.advance(math.inf, 1000):
        pass
    assert race.result().rows[0].status == "finished", race.result().rows[0].reason
    assert snoop.reached
    return snoop, race


def of_unfinished(seconds: FloatArray | None, finished: frozenset[int]) -> set[float]:
    assert seconds is not None
    return set(seconds[[i for i in range(TASKS) if i not in finished]].ravel().tolist())


@pytest.mark.parametrize("estimator", ["nominal", Curious])
def test_no_policy_reaches_the_true_seconds_of_unfinished_tasks(estimator: str | type[Estimator]) -> None:
    snoop, race = raced(estimator)
    tasks = race.workload
    assert 0 < len(snoop.finished_then) < TASKS / 2
    assert not snoop.reached & of_unfinished(tasks.actual_s, snoop.finished_then)
    assert not snoop.reached & of_unfinished(tasks.law_s, snoop.finished_then)
    assert snoop.reached & of_unfinished(tasks.etc_s, snoop.finished_then), "the search finds what is there"


def test_no_policy_reaches_when_a_running_task_will_end() -> None:
    snoop, race = raced("nominal")
    ends = {float(end) for batch in race.take_finished() for end in batch.finish_s[len(snoop.finished_then) :]}
    assert not snoop.reached & ends


def test_no_estimator_of_a_plugin_reaches_the_true_seconds() -> None:
    _, race = raced(Curious)
    estimator = race.lanes[0].simulation.estimator
    assert isinstance(estimator, Curious)
    hidden = of_unfinished(race.workload.actual_s, frozenset()) | of_unfinished(race.workload.law_s, frozenset())
    assert not estimator.reached & hidden


@pytest.mark.parametrize(("estimator", "column"), [("true", "actual_s"), ("law", "law_s")])
def test_the_clairvoyant_estimators_do_know_them(estimator: str, column: str) -> None:
    snoop, race = raced(estimator)
    assert of_unfinished(getattr(race.workload, column), snoop.finished_then) <= snoop.reached
