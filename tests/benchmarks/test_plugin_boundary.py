"""What the scheduler contract costs: a policy as a stranger writes it, beside the same policy inside the event loop.

The stranger's goes through `pending`, `state`, a placement for each task and all checks. The other is written into the
simulation where tasks arrive, with the live devices at hand: nothing is kept pending, asked, yielded or checked.
"""

from __future__ import annotations

import math

import pytest

from engine.metrics import finished_by
from engine.placement import on
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.task import Task
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


class Inlined(Simulation):
    """An event loop that decides by itself."""

    def decide(self, task: Task) -> int:
        """Return the device of a task that has arrived."""
        raise NotImplementedError

    def _arrive(self, now_s: float) -> None:
        arrival_s, arrivals = self.columns.arrival_s, self._arrivals
        while self._next_arrival_s == now_s:
            task = self.columns.tasks[arrivals[self.arrived]]
            self.arrived += 1
            self._next_arrival_s = arrival_s[arrivals[self.arrived]] if self.arrived < len(arrivals) else math.inf
            device = self.decide(task)
            self.ledger.device[task.index] = device
            self.ledger.placed_s[task.index] = now_s
            self._put(task.index, task, device, 1.0, None)


class InTurnInlined(Inlined):
    """As :class:`InTurn`."""

    turn = -1

    def decide(self, task: Task) -> int:
        self.turn = (self.turn + 1) % len(self.devices)
        return self.turn


class EarliestFinishInlined(Inlined):
    """As :class:`EarliestFinish`."""

    def decide(self, task: Task) -> int:
        now_s, slots, transfer_gb = self.now_s, task.slots, task.transfer_gb
        expected = self._expected(task)
        best, best_s = -1, math.inf
        for device in self.devices:
            finish_s = device.available_at(now_s, slots) + device.seconds(expected, transfer_gb, 1.0)
            if finish_s < best_s:
                best, best_s = device.index, finish_s
        return best


@pytest.mark.parametrize(
    ("policy", "inlined"),
    [(InTurn, InTurnInlined), (EarliestFinish, EarliestFinishInlined)],
    ids=["in turn", "earliest finish"],
)
def test_a_strangers_policy_takes_at_most_2_5_times_as_long_as_the_same_policy_in_the_event_loop(
    policy: type[Scheduler], inlined: type[Inlined]
) -> None:
    cluster = load_cluster("default")
    tasks = Synthetic().load(WorkloadRequest(cluster, seed=1, tasks=TASKS))
    raced: dict[type[Simulation], Simulation] = {}

    def race(simulation_class: type[Simulation]) -> None:
        simulation = simulation_class(tasks, cluster, policy())
        simulation.advance()
        finished_by("", simulation)
        raced[simulation_class] = simulation

    alone, asked, ratio = median_rounds(
        lambda: seconds_of(lambda: race(inlined)), lambda: seconds_of(lambda: race(Simulation))
    )
    assert raced[Simulation].status == "finished", raced[Simulation].reason
    assert raced[Simulation].ledger.digest() == raced[inlined].ledger.digest()
    print(
        f"\n{policy.name}: {TASKS / asked:.0f} tasks/s through the contract, {TASKS / alone:.0f} inlined: x{ratio:.2f}"
    )
    assert ratio <= 2.5
