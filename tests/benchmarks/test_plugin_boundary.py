"""What the scheduler contract costs: a policy as a stranger writes it, beside the same policy inside the event loop.

The stranger's goes through `pending`, `state`, a placement for each task and all checks. The other decides where tasks
arrive in a copy of the loop, with the live devices at hand: nothing is kept pending, asked, yielded or checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush

import pytest

from engine.metrics import finished_by
from engine.placement import on
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from plugins.clusters import load_cluster
from plugins.workload import WorkloadRequest
from plugins.workloads.synthetic import Synthetic
from tests.benchmarks.timing import median_rounds, seconds_of

pytestmark = pytest.mark.benchmark

TASKS = 30_000


class InTurn(Scheduler):
    """Devices in turn."""

    name = "in_turn"
    turn = -1

    def place(self, pending, state):
        for task in pending:
            self.turn = (self.turn + 1) % len(state.devices)
            yield on(task, self.turn)


class EarliestFinish(Scheduler):
    """The device that is believed to finish the task first."""

    name = "earliest_finish"

    def place(self, pending, state):
        for task in pending:
            best = min(state.devices, key=lambda device: self.finish_s(task, device.index, state))
            yield on(task, best.index)

    def finish_s(self, task, device, state):
        return state.available_at(device, task.slots) + state.seconds(task, device)


class Unasked(Scheduler):
    """Stands where a loop that decides by itself has no use for a policy."""

    name = "unasked"


Decide = Callable[[Simulation, int], int]
"""The index of the device that takes the task with this index, which has arrived."""


def in_turn(simulation: Simulation, index: int) -> int:
    """As :class:`InTurn`."""
    return index % len(simulation.devices)


def earliest_finish(simulation: Simulation, index: int) -> int:
    """As :class:`EarliestFinish`."""
    columns, now_s = simulation.columns, simulation.now_s
    slots, transfer_gb = columns.slots[index], columns.transfer_gb[index]
    expected = simulation._expected(columns.tasks[index])
    best, best_s = -1, math.inf
    for device in simulation.devices:
        finish_s = device.available_at(now_s, slots) + device.seconds(expected, transfer_gb, 1.0)
        if finish_s < best_s:
            best, best_s = device.index, finish_s
    return best


def loop_that(decide: Decide) -> Callable[[Simulation, float, float], int]:
    """Return :func:`engine.event_loop.run_events` with the decision in it, for whole tasks without parents on devices
    without order or drift, run to the end."""

    def run_events(simulation: Simulation, until_s: float, events: float) -> int:
        heap, devices, ledger, columns = simulation._events, simulation.devices, simulation.ledger, simulation.columns
        device_of, placed_s, start_s, end_s = ledger.device, ledger.placed_s, ledger.start_s, ledger.end_s
        ended, finished, numbers = ledger.ended, ledger.finished, simulation._numbers
        whole_true_s, whole_believed_s = simulation._whole_true_s, simulation._whole_believed_s
        tasks, slots_of, memory_of = columns.tasks, columns.slots, columns.memory_gb
        arrival_s, state = columns.arrival_s, simulation._state
        position, done = 0, 0
        next_arrival_s = arrival_s[0]
        while heap or next_arrival_s < math.inf:
            done += 1
            if heap and heap[0][0] < next_arrival_s:
                now_s, _, index = heappop(heap)
                state.now = now_s
                end_s[index] = now_s
                ended.append(index)
                device = devices[device_of[index]]
                _, slots, memory_gb = device.running.pop(index)
                device.free_slots += slots
                if device.pooled:
                    device._replay = None
                    if memory_gb:
                        device.count_memory()
                else:
                    device._end_s = -math.inf
                finished.append(index)
                if device.ready:
                    simulation._advance_queue(device)
                continue
            state.now = now_s = next_arrival_s
            index = position
            position += 1
            next_arrival_s = arrival_s[position] if position < len(tasks) else math.inf
            where = decide(simulation, index)
            device = devices[where]
            device_of[index] = where
            placed_s[index] = now_s
            believed_s, seconds = whole_believed_s[where][index], whole_true_s[where][index]
            slots, memory_gb = slots_of[index], memory_of[index]
            if device.ready or slots > device.free_slots or memory_gb > device.free_memory_gb:
                device.ready.append((math.inf, next(numbers), index, index, believed_s, slots, memory_gb, 1.0))
                device.queued_s += believed_s
                device._replay = None
                continue
            device.running[index] = (now_s + believed_s, slots, memory_gb)
            device.free_slots -= slots
            if device.pooled:
                device._replay = None
                if memory_gb:
                    device.count_memory()
            else:
                device._end_s = now_s + believed_s
            start_s[index] = now_s
            heappush(heap, (now_s + seconds, next(numbers), index))
        state.arrivals = len(tasks)
        return done

    return run_events


@pytest.mark.parametrize(
    ("policy", "decide"), [(InTurn, in_turn), (EarliestFinish, earliest_finish)], ids=["in turn", "earliest finish"]
)
def test_a_strangers_policy_takes_at_most_2_5_times_as_long_as_the_same_policy_in_the_event_loop(
    policy: type[Scheduler], decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = load_cluster("default")
    tasks = Synthetic().load(WorkloadRequest(cluster, seed=1, tasks=TASKS))
    raced: dict[type[Scheduler], Simulation] = {}

    def race(scheduler: type[Scheduler]) -> None:
        raced[scheduler] = Simulation(tasks, cluster, scheduler())
        raced[scheduler].advance()
        finished_by("", raced[scheduler])

    def alone() -> float:
        with monkeypatch.context() as patch:
            patch.setattr("engine.simulation.run_events", loop_that(decide))
            return seconds_of(lambda: race(Unasked))

    alone_s, asked_s, ratio = median_rounds(alone, lambda: seconds_of(lambda: race(policy)))
    assert [simulation.status for simulation in raced.values()] == ["finished"] * 2
    assert raced[policy].ledger.digest() == raced[Unasked].ledger.digest()
    print(
        f"\n{policy.name}: {TASKS / asked_s:.0f} tasks/s through the contract, {TASKS / alone_s:.0f} in the loop: "
        f"x{ratio:.2f}"
    )
    assert ratio <= 2.5
