"""What happens in which order at one instant, and what a policy sees of it (design.md, section engine)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from engine_worlds import devices

from engine.cluster import Cluster
from engine.completion import Completion
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from engine.workload import Workload, workload

Rule = Callable[[Pending, ClusterState], Iterable[Placement]]


class Logging(Scheduler):
    """Logs each call and then does what the test says."""

    name = "logging"

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule
        self.log: list[Any] = []

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        self.log.append((state.now, [task.index for task in pending]))
        return self.rule(pending, state)

    def observe(self, completion: Completion) -> None:
        self.log.append((completion.finish_s, f"done {completion.task.index}"))


def run(tasks: Workload, cluster: Cluster, rule: Rule) -> list[Any]:
    policy = Logging(rule)
    simulation = Simulation(tasks, cluster, policy)
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback
    return policy.log


def one_at_a_time(pending: Pending, state: ClusterState) -> Iterable[Placement]:
    """Start the first task on the first free device; keep the others."""
    free = [d.index for d in state.devices if state.free_slots(d.index)]
    return [on(pending.first, free[0])] if free else []


def equal_tasks(arrival_s: list[float], seconds: float = 2.0, **more: Any) -> Workload:
    return workload("equal", ("cpu",), arrival_s, [[seconds]] * len(arrival_s), **more)


def test_all_arrivals_of_an_instant_are_pending_before_place_is_called_once() -> None:
    log = run(equal_tasks([1.0, 1.0, 1.0]), devices({}), lambda p, s: [on(task, 0) for task in p])
    assert log[0] == (1.0, [0, 1, 2])
    assert [entry for entry in log if isinstance(entry[1], list)] == log[:1]  # nothing pending: never called again


def test_arrivals_go_before_the_finishes_of_the_same_instant() -> None:
    log = run(equal_tasks([0.0, 2.0]), devices({}), one_at_a_time)
    assert log == [(0.0, [0]), (2.0, [1]), (2.0, "done 0"), (2.0, [1]), (4.0, "done 1")]


def test_finishes_of_one_instant_come_one_at_a_time_in_start_order_with_place_after_each() -> None:
    log = run(equal_tasks([0.0] * 4), devices({}, {}), lambda p, s: reversed_pair(p, s))
    assert log == [
        (0.0, [0, 1, 2, 3]),  # starts 1 on device 0, then 0 on device 1
        (0.0, [2, 3]),
        (2.0, "done 1"),
        (2.0, [2, 3]),  # only device 0 is free yet
        (2.0, [3]),
        (2.0, "done 0"),
        (2.0, [3]),
        (4.0, "done 2"),
        (4.0, "done 3"),
    ]


def reversed_pair(pending: Pending, state: ClusterState) -> Iterable[Placement]:
    """At the start place task 1 before task 0; later whatever is first on what is free."""
    if state.now == 0.0:
        return [on(task, device) for device, task in enumerate(reversed(list(pending)[:2])) if len(pending) == 4]
    return one_at_a_time(pending, state)


def test_a_finish_releases_children_and_advances_the_queue_before_observe_and_place() -> None:
    tasks = equal_tasks([0.0, 0.0, 0.0], parents=[[], [0], []])
    seen: list[Any] = []

    class Watching(Logging):
        def observe(self, completion: Completion) -> None:
            super().observe(completion)
            seen.append((completion.task.index, self.state.queue_length(0), self.state.free_slots(0)))

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            self.state = state
            self.log.append((state.now, [task.index for task in pending]))
            seen.append((state.now, [state.ready(task) for task in pending]))
            if state.now == 0.0:
                return [on(task, 0) for task in pending if task.index != 1]
            return [on(task, 1) for task in pending]

    policy = Watching(one_at_a_time)
    Simulation(tasks, devices({}, {}), policy).advance()
    assert policy.log[2:4] == [(2.0, "done 0"), (2.0, [1])]
    assert seen[2] == (0, 0, 0)  # task 2 had left the queue and started when task 0 was observed
    assert seen[3] == (2.0, [True])


def test_place_is_called_again_at_the_same_instant_until_it_places_nothing() -> None:
    log = run(equal_tasks([0.0] * 3), devices({"slots": 3}), all_but_one_at_first)
    assert log[:4] == [(0.0, [0, 1, 2]), (0.0, [1, 2]), (0.0, [2]), (2.0, "done 0")]


def all_but_one_at_first(pending: Pending, state: ClusterState) -> list[Placement]:
    return [on(pending.first, 0)] if len(pending) > 1 or state.now > 0 else []


def test_every_share_that_ends_calls_place_but_only_the_last_one_is_observed() -> None:
    tasks = workload("split", ("cpu",), [0.0, 0.0], [[8.0], [1.0]], divisible=[True, False])

    def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            if task.index == 0:
                yield Placement(task, ((0, 0.25), (1, 0.75)))
            elif state.now >= 6.0:
                yield on(task, 0)

    log = run(tasks, devices({}, {}), rule)
    assert log == [(0.0, [0, 1]), (0.0, [1]), (2.0, [1]), (6.0, "done 0"), (6.0, [1]), (7.0, "done 1")]


def test_a_generator_sees_the_state_after_each_of_its_placements() -> None:
    seen: list[Any] = []

    def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            seen.append((len(pending), task in pending, state.free_slots(0), state.queue_length(0), look(state)))
            yield on(task, 0)
        seen.append((len(pending), False, state.free_slots(0), state.queue_length(0), look(state)))

    run(equal_tasks([0.0] * 3), devices({"slots": 1}), rule)
    assert seen == [
        (3, True, 1, 0, (0.0, 0.0)),
        (2, True, 0, 0, (2.0, 0.0)),
        (1, True, 0, 1, (4.0, 2.0)),
        (0, False, 0, 2, (6.0, 4.0)),
    ]


def look(state: ClusterState) -> tuple[float, float]:
    return state.available_at(0), state.queued_seconds(0)


def test_a_returned_list_was_decided_on_the_old_state() -> None:
    def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
        return [on(task, min((0, 1), key=state.available_at)) for task in pending]

    policy = Logging(rule)
    simulation = Simulation(equal_tasks([0.0] * 3), devices({}, {}), policy)
    simulation.advance()
    assert set(simulation.ledger.parts().device.tolist()) == {0}


def test_placing_on_a_busy_device_queues_there_and_is_final() -> None:
    log = run(equal_tasks([0.0, 1.0]), devices({}, {}), lambda p, s: [on(task, 0) for task in p])
    assert log == [(0.0, [0]), (1.0, [1]), (2.0, "done 0"), (4.0, "done 1")]


def test_state_says_what_runs_what_waits_and_what_has_arrived() -> None:
    def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
        if state.now == 0.0:
            for task in list(pending):
                yield on(task, 0)
            return
        assert state.arrivals == 4
        assert state.running(0) == ((6.0, 1), (6.0, 1))
        assert (state.free_slots(0), state.free_memory(0), state.queue_length(0)) == (0, 2.0, 1)
        assert state.queued_seconds(0) == 6.0
        assert state.available_at(0, 1) == 6.0
        assert state.available_at(0, 2) == 12.0
        yield on(pending.first, 1)

    tasks = equal_tasks([0.0, 0.0, 0.0, 1.0], 6.0, memory_gb=1.0)
    run(tasks, devices({"slots": 2, "memory_gb": 4.0}, {}), rule)


def test_an_overrun_counts_as_ending_now_and_a_completion_corrects_the_belief() -> None:
    asked: dict[float, float] = {}

    def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            asked[state.now] = state.available_at(0)
            yield on(task, 0 if task.index == 0 else 1)

    late = workload("late", ("cpu",), [0, 1, 5, 9], [[7.0]] + [[1.0]] * 3, etc_s=[[3.0]] + [[1.0]] * 3)
    run(late, devices({}, {}), rule)
    assert asked == {0.0: 0.0, 1.0: 3.0, 5.0: 5.0, 9.0: 9.0}


def test_a_share_runs_at_the_speed_of_its_start_when_the_speed_drifts() -> None:
    cluster = devices({"speed": 2.0, "speed_at": ((3.0, 0.5),)})
    simulation = Simulation(equal_tasks([0.0, 2.0, 3.0], 4.0), cluster, Logging(lambda p, s: [on(t, 0) for t in p]))
    simulation.advance()
    assert simulation.ledger.parts().end_s.tolist() == [2.0, 4.0, 8.0]


class TestPending:
    """``pending`` is live, in arrival order, and never rebuilt."""

    def test_it_is_in_arrival_order_and_ties_are_in_task_order(self) -> None:
        log = run(
            equal_tasks([2.0, 0.0, 1.0, 1.0]), devices({}, {}), lambda p, s: [on(t, 0) for t in p] if s.now > 1 else []
        )
        assert [pending for _, pending in log if isinstance(pending, list)][:3] == [[1], [1, 2, 3], [1, 2, 3, 0]]

    def test_first_length_and_membership_follow_what_is_placed_and_left(self) -> None:
        def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
            tasks = list(pending)
            if len(tasks) < 4:
                return
            for gone, task in enumerate((tasks[2], tasks[0], tasks[3], tasks[1])):
                assert len(pending) == 4 - gone
                assert task in pending
                yield on(task, 0)
                assert task not in pending
                left = [t.index for t in tasks if t in pending]
                assert [t.index for t in pending] == left
                if left:
                    assert pending.first.index == left[0]
            with pytest.raises(IndexError, match="nothing is pending"):
                _ = pending.first

        run(equal_tasks([0.0] * 4), devices({}), rule)

    def test_what_is_no_task_or_another_task_is_not_in_it(self) -> None:
        def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
            assert 0 not in pending
            assert Task(99, pending.first._columns) not in pending
            yield on(pending.first, 0)

        run(equal_tasks([0.0]), devices({}), rule)

    def test_iterating_is_safe_while_any_task_leaves(self) -> None:
        def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
            if len(pending) < 200:
                return
            seen = []
            for task in pending:
                seen.append(task.index)
                if task.index % 3 == 0:
                    yield on(task, 0)
                    after = [t for t in pending if t.index == task.index + 2]
                    if after:
                        yield on(after[0], 0)
            assert seen == [i for i in range(200) if i % 3 != 2]
            yield from [on(task, 0) for task in list(pending)]

        run(equal_tasks([0.0] * 200), devices({}), rule)

    def test_unready_tasks_are_pending_too_and_ready_lists_the_others(self) -> None:
        tasks = equal_tasks([0.0, 0.0, 0.0, 9.0], parents=[[], [0], [], [0]])

        def rule(pending: Pending, state: ClusterState) -> Iterable[Placement]:
            got = ([t.index for t in pending], [t.index for t in pending.ready()], state.now)
            assert got in (([0, 1, 2], [0, 2], 0.0), ([1], [1], 2.0), ([3], [3], 9.0), ([1], [], 0.0)), got
            assert [state.ready(t) for t in pending] == [t.index in got[1] for t in pending]
            for task in pending.ready():
                yield on(task, 0)

        run(tasks, devices({"slots": 2}), rule)

    def test_length_first_and_membership_take_no_longer_with_ten_thousand_waiting(self) -> None:
        """Counted in steps of the interpreter, not in seconds."""
        import sys

        def steps(count: int) -> int:
            pending = Pending(False)
            columns = Simulation(equal_tasks([0.0] * count), devices({}), Logging(one_at_a_time)).columns
            for index in range(count):
                pending._add(Task(index, columns), True)
            task = pending.first
            counted = [0]

            def trace(*_: Any) -> Any:
                counted[0] += 1
                return trace

            sys.settrace(trace)
            try:
                _ = len(pending), pending.first, task in pending
            finally:
                sys.settrace(None)
            return counted[0]

        assert steps(10) == steps(10_000)


def test_an_iterator_taken_before_the_only_task_leaves_yields_that_task_or_nothing() -> None:
    pending = Pending(has_parents=False)
    tasks = TaskColumns(equal_tasks([0.0])).tasks
    pending._add(tasks[0], True)
    walk = iter(pending)
    pending._remove(0)
    assert [task for task in walk if task is None] == []
