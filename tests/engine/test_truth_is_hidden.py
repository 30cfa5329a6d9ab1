"""Nothing but the estimators ``true`` and ``law`` can reach the true seconds: the whole object graph is searched."""

from __future__ import annotations

import gc
import types
from array import array
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pytest
from engine_worlds import devices

from engine.completion import Completion
from engine.decision_replay import DecisionReplay
from engine.estimator import Estimator, EstimatorContext, Seconds
from engine.pending import Pending
from engine.placement import Placement
from engine.race import LaneSpec
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.split import best_shares
from engine.state import ClusterState
from engine.task import Task
from engine.workload import Workload, workload
from plugins.estimators.forest import Forest, ForestParams
from plugins.schedulers.met import Met

N = 60
DIGITS = 11
_NOT_DATA = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)


def reachable(*roots: object, but: Iterable[object] = ()) -> dict[int, object]:
    """Return all objects that the roots lead to: attributes, slots, containers, and ``__self__`` of bound methods.

    The walk does not enter what is in ``but``.

    Classes, modules, plain functions and frames are left out: everything in the process hangs on them. A bound
    method's instance, a closure's cells and a partial's arguments are followed.
    """
    found: dict[int, object] = {}
    waiting = list(roots)
    closed = {id(thing) for thing in but}
    while waiting:
        thing = waiting.pop()
        if id(thing) in found or id(thing) in closed:
            continue
        if isinstance(thing, types.FunctionType):
            waiting += [cell.cell_contents for cell in thing.__closure__ or () if cell != types.CellType()]
            waiting += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
            continue
        if isinstance(thing, _NOT_DATA):
            continue
        found[id(thing)] = thing
        waiting += gc.get_referents(thing)
        if isinstance(thing, np.ndarray) and thing.base is not None:
            waiting.append(thing.base)
    return found


def numbers(things: Iterable[object]) -> set[float]:
    """Return every float among the things, those inside arrays too, rounded."""
    values: set[float] = set()
    for thing in things:
        if isinstance(thing, float):
            values.add(round(thing, DIGITS))
        elif (isinstance(thing, np.ndarray) and thing.dtype.kind == "f") or (
            isinstance(thing, array) and thing.typecode in "fd"
        ):
            values.update(np.round(np.asarray(thing, dtype=float), DIGITS).ravel().tolist())
    return values


def secretive() -> Workload:
    """Return tasks whose true seconds are numbers that occur nowhere else."""
    rng = np.random.default_rng(8)
    etc_s = rng.uniform(1.0, 9.0, (N, 2))
    law_s = etc_s * rng.uniform(0.5, 2.0, (N, 2))
    return workload(
        "secret", ("cpu", "gpu"), np.arange(N) * 1.5, law_s * rng.uniform(0.9, 1.1, (N, 2)),
        etc_s=etc_s, law_s=law_s, features=rng.random((N, 3)), feature_names=("a", "b", "c"),
        memory_gb=0.5, transfer_gb=0.25, divisible=True,
    )  # fmt: skip


def true_ends(simulation: Simulation) -> set[float]:
    """Return when the shares that run now will end, from the engine's heap of events."""
    return {round(at_s, DIGITS) for at_s, *_ in simulation._events}


class Spy(Scheduler):
    """``mct`` that looks, at every call, at all that it was ever handed."""

    name = "spy"

    def __init__(self, tasks: Workload, every: int = 1) -> None:
        super().__init__()
        self.every = every
        self.secret = (tasks.actual_s.tolist(), (tasks.law_s if tasks.law_s is not None else tasks.actual_s).tolist())
        self.unfinished = set(range(len(tasks)))
        self.simulation: Simulation
        self.leaks: list[str] = []
        self.looks = 0

    def look(self, what: str, *handed: object) -> None:
        self.looks += 1
        if self.looks % self.every:
            return
        # not what the test itself put here, but what the policy's base class and the engine did
        own = [value for name, value in vars(self).items() if name not in ("secret", "simulation")]
        things = reachable(*handed, *own, but=[self])
        if any(isinstance(thing, Workload | Simulation) for thing in things.values()):
            self.leaks.append(f"{what}: the workload or the simulation")
        known = numbers(things.values())
        for table in self.secret:
            for task in self.unfinished:
                if known & {round(seconds, DIGITS) for seconds in table[task]}:
                    self.leaks.append(f"{what}: the true seconds of unfinished task {task}")
        if known & true_ends(self.simulation):
            self.leaks.append(f"{what}: the second at which something that runs will truly end")

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        self.look("place", pending, state, list(pending))
        for task in pending.ready():
            yield Placement(task, best_shares(task, state))
            self.look("place, later", pending, state, task)

    def observe(self, completion: Completion) -> None:
        self.unfinished.discard(completion.task.index)
        self.look("observe", completion)


class SpyingForest(Forest):
    """A forest that looks at its context, its completions and its tasks too."""

    spy: Spy

    def seconds(self, task: Task) -> Seconds:
        self.spy.look("seconds", self, self.context, task)
        return super().seconds(task)

    def observe(self, completion: Completion) -> None:
        self.spy.unfinished.discard(completion.task.index)
        super().observe(completion)
        self.spy.look("estimator", self, self.context, completion)


def leaks_with(estimator: Any, tasks: Workload, every: int = 1) -> tuple[list[str], int]:
    spy = Spy(tasks, every)
    cluster = devices({"slots": 2}, {"kind": "gpu", "link_gb_s": 4.0, "link_latency_s": 0.01})
    simulation = Simulation(tasks, cluster, spy, estimator)
    spy.simulation = simulation
    if isinstance(simulation.estimator, SpyingForest):
        simulation.estimator.spy = spy
    simulation.advance()
    simulation.close()
    assert simulation.status == "finished", simulation.traceback
    return spy.leaks, spy.looks


def test_a_policy_on_nominal_times_can_reach_no_true_seconds_from_anything_it_is_handed() -> None:
    leaks, looks = leaks_with("nominal", secretive())
    assert leaks == []
    assert looks >= 3 * N


def test_a_learning_estimator_and_its_policy_can_reach_no_true_seconds_either() -> None:
    def forest(context: EstimatorContext) -> Estimator:
        return SpyingForest(context, ForestParams(interval=10, min_samples=5, trees=3))

    leaks, looks = leaks_with(forest, secretive(), every=7)
    assert leaks == []
    assert looks > 5 * N


def test_a_policy_that_is_lived_through_again_can_reach_none_either() -> None:
    tasks = secretive()
    spy = Spy(tasks, every=5)
    cluster = devices({"slots": 2}, {"kind": "gpu", "link_gb_s": 4.0, "link_latency_s": 0.01})
    spy.simulation = replay = DecisionReplay(tasks, cluster, LaneSpec("spy", spy), N // 2)
    replay.advance()
    assert replay.decision is not None
    assert spy.leaks == []


@pytest.mark.parametrize("estimator", ["true", "law"])
def test_the_walk_does_find_the_truth_where_it_is_meant_to_be(estimator: str) -> None:
    """The proof that the search above could fail."""
    leaks, _ = leaks_with(estimator, secretive())
    assert any("true seconds" in leak for leak in leaks)


def test_the_walk_goes_through_bound_methods_closures_partials_and_views() -> None:
    tasks = secretive()
    simulation = Simulation(tasks, devices({}, {"kind": "gpu"}), Met())
    simulation.advance(20.0)
    truth = {round(seconds, DIGITS) for seconds in tasks.actual_s.ravel().tolist()}
    for root in (simulation.advance, lambda: simulation, partial(print, simulation), {"f": [[simulation].append]}):
        known = numbers(reachable(root).values())
        assert truth <= known
        assert true_ends(simulation)
        assert true_ends(simulation) <= known
    assert truth <= numbers(reachable(tasks.actual_s[:1]).values())


def test_a_task_carries_no_times() -> None:
    tasks = secretive()
    handed = numbers(reachable(Task(0, Simulation(tasks, devices({}, {"kind": "gpu"}), Spy(tasks)).columns)).values())
    for table in (tasks.etc_s, tasks.actual_s, tasks.law_s):
        assert table is not None
        assert not handed & {round(seconds, DIGITS) for seconds in table.ravel().tolist()}


def test_nominal_and_true_tables_never_share_memory_even_when_no_nominal_times_were_given() -> None:
    w = workload("same", ("cpu",), [0.0], [[1.0]])
    assert not np.shares_memory(w.etc_s, w.actual_s)
