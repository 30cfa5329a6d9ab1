"""A policy that breaks the contract loses its own lane, with a sentence that names the thing, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from engine_worlds import devices

from engine.cluster import Link
from engine.completion import Completion
from engine.errors import PlacementError
from engine.estimator import Estimator, EstimatorContext, Seconds
from engine.frames import FrameMaker
from engine.pending import Pending
from engine.placement import Placement, on, split
from engine.race import LaneSpec, Race
from engine.results import SchedulerResult
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.task import Task
from engine.workload import Workload, workload
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met

CLUSTER = devices({"memory_gb": 8.0}, {"kind": "gpu", "memory_gb": 4.0, "slots": 2})

Answer = Callable[[Task, ClusterState], Any]


def twenty_tasks() -> Workload:
    """Task 3 is large, wide, indivisible, and cannot run on the GPU; task 4 is divisible."""
    n = 20
    actual_s = np.column_stack([np.linspace(2, 6, n), np.linspace(1, 2, n)])
    actual_s[3, 1] = math.inf
    memory_gb = np.full(n, 0.5)
    memory_gb[3] = 6.0
    memory_gb[5] = 6.0
    slots = np.ones(n, dtype=int)
    return workload(
        "twenty", ("cpu", "gpu"), np.arange(n) * 1.5, actual_s,
        memory_gb=memory_gb, slots=slots, divisible=np.arange(n) == 4,
    )  # fmt: skip


class Answering(Scheduler):
    """Puts every task on the CPU, except one, for which it answers what the test says."""

    name = "bad"

    def __init__(self, index: int, answer: Answer) -> None:
        super().__init__()
        self.index = index
        self.answer = answer

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            yield self.answer(task, state) if task.index == self.index else on(task, 0)


def raising(error: BaseException) -> Answer:
    def answer(task: Task, state: ClusterState) -> Any:
        raise error

    return answer


ANSWERS: dict[str, tuple[int, Answer, tuple[str, ...]]] = {
    "raises": (2, raising(ZeroDivisionError("my mistake")), ("ZeroDivisionError", "my mistake")),
    "exits": (2, raising(SystemExit(3)), ("SystemExit", "3")),
    "recurses for ever": (2, raising(RecursionError("too deep")), ("RecursionError",)),
    "yields None": (2, lambda t, s: None, ("None", "Placement")),
    "yields a text": (2, lambda t, s: "cpu-0", ("cpu-0", "Placement")),
    "yields a bare tuple": (2, lambda t, s: (t, 0), ("Task(2)", "Placement")),
    "names a task by number": (2, lambda t, s: Placement(7, ((0, 1.0),)), ("7", "pending")),  # type: ignore[arg-type]
    "has no share": (2, lambda t, s: Placement(t, ()), ("Task(2)", "()")),
    "has a share that is no pair": (2, lambda t, s: Placement(t, ((0, 0.5), (1,))), ("Task(2)", "pair")),
    "sums to less": (4, lambda t, s: split(t, {0: 0.5, 1: 0.4}), ("Task(4)", "0.9", "sum to 1")),
    "sums to more": (4, lambda t, s: split(t, {0: 0.7, 1: 0.7}), ("Task(4)", "1.4", "sum to 1")),
    "is half a task": (2, lambda t, s: Placement(t, ((0, 0.5),)), ("Task(2)", "0.5", "sum to 1")),
    "has NaN as a fraction": (4, lambda t, s: Placement(t, ((0, math.nan), (1, 0.5))), ("Task(4)", "nan")),
    "has one share of NaN": (2, lambda t, s: Placement(t, ((0, math.nan),)), ("Task(2)", "nan")),
    "has inf as a fraction": (2, lambda t, s: Placement(t, ((0, math.inf),)), ("Task(2)", "inf")),
    "has a fraction of 0": (4, lambda t, s: Placement(t, ((0, 1.0), (1, 0.0))), ("Task(4)", "0.0", "(0, 1]")),
    "has a negative fraction": (4, lambda t, s: Placement(t, ((0, 1.5), (1, -0.5))), ("Task(4)", "1.5")),
    "has a text as a fraction": (2, lambda t, s: Placement(t, ((0, "all"),)), ("Task(2)", "all")),  # type: ignore[arg-type]
    "names a device by id": (2, lambda t, s: on(t, "cpu-0"), ("Task(2)", "cpu-0", "index")),  # type: ignore[arg-type]
    "names a device by a float": (2, lambda t, s: on(t, 0.0), ("Task(2)", "0.0", "whole number")),  # type: ignore[arg-type]
    "names a device that does not exist": (2, lambda t, s: on(t, 2), ("Task(2)", "device 2", "0 to 1")),
    "names a negative device": (2, lambda t, s: on(t, -1), ("Task(2)", "device -1", "0 to 1")),
    "uses a device twice": (4, lambda t, s: Placement(t, ((1, 0.5), (1, 0.5))), ("Task(4)", "device 1", "two shares")),
    "splits an indivisible task": (2, lambda t, s: split(t, {0: 0.5, 1: 0.5}), ("Task(2)", "not divisible")),
    "overfills a device's memory": (5, lambda t, s: on(t, 1), ("Task(5)", "6 GB", "gpu-1", "4 GB")),
    "uses a device that cannot run it": (3, lambda t, s: on(t, 1), ("Task(3)", "gpu-1", "inf")),
    "orders by NaN": (2, lambda t, s: on(t, 0, order=math.nan), ("Task(2)", "nan", "order")),
    "orders by a text": (2, lambda t, s: on(t, 0, order="first"), ("Task(2)", "first", "order")),  # type: ignore[arg-type]
}  # fmt: skip


def rows(*bad: LaneSpec, tasks: Workload | None = None, first: bool = True) -> dict[str, SchedulerResult]:
    """Race mct and met, and the bad lanes before or after them; return the rows by name."""
    good = [LaneSpec("mct", Mct()), LaneSpec("met", Met())]
    race = Race(tasks or twenty_tasks(), CLUSTER, [*bad, *good] if first else [*good, *bad])
    while race.advance(events=50):
        race.take_finished()
    assert race.done
    return {row.name: row for row in race.result().rows}


def others_are_unchanged(with_bad: dict[str, SchedulerResult], tasks: Workload | None = None) -> None:
    alone = rows(tasks=tasks)
    for name in ("mct", "met"):
        assert with_bad[name] == alone[name]
        assert with_bad[name].status == "finished"


@pytest.mark.parametrize("what", ANSWERS)
def test_an_illegal_answer_disqualifies_with_a_sentence_and_leaves_the_other_lanes_their_bits(what: str) -> None:
    index, answer, words = ANSWERS[what]
    for first in (True, False):
        got = rows(LaneSpec("bad", Answering(index, answer)), first=first)
        assert got["bad"].status == "disqualified"
        assert got["bad"].reason is not None
        for word in words:
            assert word in got["bad"].reason, got["bad"].reason
        assert got["bad"].traceback is not None
        assert got["bad"].mean_response_s is None
        others_are_unchanged(got)


def test_the_same_task_twice_is_named_in_a_generator_and_in_a_list() -> None:
    class Twice(Scheduler):
        name = "twice"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            return [on(pending.first, 0), on(pending.first, 1)]

    twice = Answering(2, lambda t, s: on(t, 0))
    generator = twice.place

    def again(pending: Pending, state: ClusterState) -> Iterator[Placement]:
        for placement in generator(pending, state):
            yield placement
            if placement.task.index == 2:
                yield placement

    twice.place = again  # type: ignore[method-assign]
    got = rows(LaneSpec("list", Twice()), LaneSpec("generator", twice))
    assert "Task(0), which is not pending" in str(got["list"].reason)
    assert "Task(2), which is not pending" in str(got["generator"].reason)
    others_are_unchanged(got)


def test_a_task_of_the_future_cannot_be_placed() -> None:
    tasks = workload("future", ("cpu", "gpu"), [0, 5], [[1, 1]] * 2, parents=[[], [0]])

    class Seer(Scheduler):
        name = "seer"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            yield on(Task(pending.first.children[0], pending.first._columns), 0)

    got = rows(LaneSpec("seer", Seer()), tasks=tasks)
    assert "Task(1), which is not pending" in str(got["seer"].reason)


def test_a_task_of_more_slots_than_a_device_is_named_with_both_numbers() -> None:
    tasks = workload("wide", ("cpu", "gpu"), [0.0], [[1, 1]], slots=[2])
    race = Race(tasks, CLUSTER, [LaneSpec("bad", Answering(0, lambda t, s: on(t, 0)))])
    race.advance()
    (row,) = race.result().rows
    assert "Task(0) needs 2 slots" in str(row.reason)
    assert "'cpu-0' has 1" in str(row.reason)


def test_a_policy_that_never_places_is_starved_when_nothing_is_left_to_happen() -> None:
    class Idle(Scheduler):
        name = "idle"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            return ()

    got = rows(LaneSpec("idle", Idle()))
    assert got["idle"].status == "disqualified"
    assert "20 tasks were never placed, the first is Task(0)" in str(got["idle"].reason)
    others_are_unchanged(got)


def test_a_policy_that_forgets_one_task_is_starved_and_its_finished_tasks_still_count() -> None:
    class Forgetful(Scheduler):
        name = "forgetful"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            for task in pending:
                if task.index != 7:
                    yield on(task, 0)

    got = rows(LaneSpec("forgetful", Forgetful()))
    assert "1 tasks were never placed, the first is Task(7)" in str(got["forgetful"].reason)
    assert got["forgetful"].tasks == 19


def test_a_strict_order_that_contradicts_the_parents_is_a_deadlock_and_says_so() -> None:
    class Backwards(Scheduler):
        name = "backwards"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            return [on(task, 0, order=-task.index) for task in reversed(list(pending))]

    tasks = workload("chain", ("cpu", "gpu"), [0, 0], [[1, 1]] * 2, parents=[[], [0]])

    got = rows(LaneSpec("backwards", Backwards()), tasks=tasks)
    assert got["backwards"].status == "disqualified"
    assert "2 placed tasks wait for ever" in str(got["backwards"].reason)
    others_are_unchanged(got, tasks)


def test_an_observer_that_raises_disqualifies_its_lane() -> None:
    class Blind(Mct):
        def observe(self, completion: Completion) -> None:
            raise LookupError("what is this?")

    got = rows(LaneSpec("blind", Blind()))
    assert "LookupError: what is this?" in str(got["blind"].reason)
    others_are_unchanged(got)


def test_an_estimator_that_raises_while_racing_disqualifies_its_lane() -> None:
    class Broken(Estimator):
        name = "broken"

        def seconds(self, task: Task) -> Seconds:
            raise LookupError("no idea")

    got = rows(LaneSpec("broken", Mct(), Broken))
    assert "LookupError: no idea" in str(got["broken"].reason)
    others_are_unchanged(got)


def test_a_placement_made_of_numpy_numbers_and_lists_is_legal() -> None:
    def answer(task: Task, state: ClusterState) -> Placement:
        shares = [[np.int64(0), np.float64(0.25)], [np.int32(1), np.float32(0.75)]]
        return Placement(task, shares, order=np.float64(1.0))  # type: ignore[arg-type]

    assert rows(LaneSpec("numpy", Answering(4, answer)))["numpy"].status == "finished"


def test_fractions_may_miss_1_by_rounding_only() -> None:
    thirds = Answering(4, lambda t, s: split(t, {0: 0.1 + 0.2, 1: 0.7}))
    assert rows(LaneSpec("thirds", thirds))["thirds"].status == "finished"


def test_a_single_share_that_misses_1_by_rounding_is_the_whole_task_running_or_queued() -> None:
    tasks = workload("four", ("cpu", "gpu"), [0.0, 0.0, 1.0, 9.0], [[2.0, 1.0]] * 4)
    lanes = [LaneSpec("whole", Answering(-1, lambda t, s: None))]
    for index in range(4):
        lanes.append(LaneSpec(f"{index}", Answering(index, lambda t, s: Placement(t, ((0, sum([0.1] * 10)),)))))
    got = rows(*lanes, tasks=tasks)
    for index in range(4):
        assert got[f"{index}"].status == "finished", got[f"{index}"].reason
        assert got[f"{index}"].digest == got["whole"].digest


def test_a_keyboard_interrupt_is_the_users_and_is_not_swallowed() -> None:
    race = Race(twenty_tasks(), CLUSTER, [LaneSpec("bad", Answering(2, raising(KeyboardInterrupt())))])
    with pytest.raises(KeyboardInterrupt):
        race.advance()


def test_a_simulation_that_the_user_interrupted_in_place_can_go_on_and_its_clock_never_goes_back() -> None:
    asked, clock = count(), [0.0]

    class Interrupted(Mct):
        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            assert state.now >= clock[-1]
            clock.append(state.now)
            if next(asked) == 7:
                raise KeyboardInterrupt
            return super().place(pending, state)

    simulation = Simulation(twenty_tasks(), CLUSTER, Interrupted())
    with pytest.raises(KeyboardInterrupt):
        simulation.advance()
    assert simulation.next_s >= simulation.now_s
    simulation.advance()
    assert (simulation.status, simulation.reason) == ("finished", None)


def test_a_disqualified_lane_keeps_what_it_has_finished_and_asks_nobody_any_more() -> None:
    calls: list[float] = []

    def late(task: Task, state: ClusterState) -> Any:
        calls.append(state.now)
        raise PlacementError("mine")

    race = Race(twenty_tasks(), CLUSTER, [LaneSpec("late", Answering(10, late)), LaneSpec("mct", Mct())])
    while race.advance():
        pass
    late_row, _ = race.result().rows
    assert calls == [15.0]
    assert late_row.reason == "mine"
    assert 0 < late_row.tasks < 10
    assert sum(len(batch) for batch in race.take_finished() if batch.scheduler == "late") == late_row.tasks


def test_a_link_without_end_is_no_excuse_for_starving() -> None:
    """Data on the way are something left to happen."""
    tasks = workload("far", ("cpu",), [0, 0], [[1], [1]], parents=[[], [0]], parents_gb=[[], [100]])

    class Apart(Scheduler):
        name = "apart"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            for task in pending:
                yield on(task, task.index)

    race = Race(tasks, devices({}, {}, link=Link(gb_s=0.001)), [LaneSpec("apart", Apart())])
    race.advance()
    (row,) = race.result().rows
    assert row.status == "finished"
    assert row.makespan_s == pytest.approx(1 + 100 / 0.001 + 1)


class Constant(Estimator):
    """Believes that everything takes one second."""

    name = "constant"

    def seconds(self, task: Task) -> Seconds:
        return [1.0, 1.0]


def test_an_estimator_whose_constructor_raises_loses_its_own_lane_only() -> None:
    def broken(context: EstimatorContext) -> Estimator:
        raise LookupError("no model file")

    got = rows(LaneSpec("broken", Mct(), broken))
    assert got["broken"].status == "disqualified"
    assert "no model file" in str(got["broken"].reason)
    others_are_unchanged(got)


def test_an_estimator_whose_model_count_raises_does_not_break_the_frames() -> None:
    class Broken(Constant):
        @property
        def active_models(self) -> int:
            raise LookupError("count?")

    race = Race(twenty_tasks(), CLUSTER, [LaneSpec("broken", Mct(), Broken), LaneSpec("mct", Mct())])
    frames = FrameMaker(race)
    while race.advance(events=10):
        assert len(frames.frame("broken").lanes) == 2


def test_an_estimator_whose_close_raises_is_logged_and_the_others_are_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed: list[str] = []

    class Broken(Constant):
        def close(self) -> None:
            raise LookupError("close?")

    class Fine(Constant):
        def close(self) -> None:
            closed.append("fine")

    Race(twenty_tasks(), CLUSTER, [LaneSpec("broken", Mct(), Broken), LaneSpec("fine", Mct(), Fine)]).close()
    assert closed == ["fine"]
    assert "'broken'" in caplog.text


@pytest.mark.parametrize("seconds", [math.nan, -1.0], ids=str)
@pytest.mark.parametrize("rule", [Met, Mct])
def test_an_estimator_that_answers_impossible_seconds_is_named_as_the_one_at_fault(
    rule: type[Scheduler], seconds: Any
) -> None:
    class Wrong(Constant):
        def seconds(self, task: Task) -> Seconds:
            return [seconds, seconds]

    got = rows(LaneSpec("wrong", rule(), Wrong))
    assert got["wrong"].status == "disqualified"
    assert "estimator" in str(got["wrong"].reason)
    others_are_unchanged(got)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Odd(BaseException):
    pass


@pytest.mark.parametrize("error", [Unprintable(), GeneratorExit(), Odd()], ids=lambda error: type(error).__name__)
def test_whatever_else_a_policy_raises_stays_in_its_lane(error: BaseException) -> None:
    got = rows(LaneSpec("bad", Answering(2, raising(error))))
    assert got["bad"].status == "disqualified"
    assert type(error).__name__ in str(got["bad"].reason)
    others_are_unchanged(got)


def test_a_place_that_returns_nothing_is_told_so() -> None:
    class Forgot(Scheduler):
        name = "forgot"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            return None  # type: ignore[return-value]

    got = rows(LaneSpec("forgot", Forgot()))
    assert "place() returned None" in str(got["forgot"].reason)


@pytest.mark.parametrize(
    "shares",
    [None, 5, {0: 1.0}, (0, 1.0), ((0,),), (share for share in [(0, 1.0)])],
    ids=["None", "number", "dict", "flat", "short", "generator"],
)
def test_shares_of_a_wrong_type_are_named(shares: Any) -> None:
    got = rows(LaneSpec("bad", Answering(2, lambda t, s: Placement(t, shares))))
    assert "Task(2)" in str(got["bad"].reason)
    assert "share" in str(got["bad"].reason)
