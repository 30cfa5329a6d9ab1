"""The same decisions give the same bits, whichever way they take through the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from engine_worlds import devices, laws
from hypothesis import given
from hypothesis import strategies as st

from engine.device_state import DeviceState
from engine.estimator import Estimator, Seconds
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.shared import Shared
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.task import Task
from engine.workload import Workload, workload
from plugins.schedulers.mct import Mct
from plugins.schedulers.olb import Olb

CLUSTER = devices(
    {"kind": "gpu", "link_gb_s": 1.0, "link_latency_s": 0.3}, {"kind": "cpu", "link_gb_s": 5.0, "link_latency_s": 0.1},
    {"kind": "gpu", "link_gb_s": 10.0, "link_latency_s": 0.2},
)  # fmt: skip
SEEDS = range(150)


def tenths(seed: int, divisible: bool) -> Workload:
    """Return tasks whose times are whole tenths, as people type them: sums of theirs tie, but for the last bit."""
    rng = np.random.default_rng(seed)
    n = 30
    return workload(
        "tenths", ("cpu", "gpu"), np.sort(rng.integers(0, 40, n)) / 10, rng.integers(1, 12, (n, 2)) / 10,
        transfer_gb=rng.integers(1, 12, n) / 10, divisible=divisible,
    )  # fmt: skip


class ToldEtc(Estimator):
    """Answers what the ETC says."""

    name = "told_etc"

    def seconds(self, task: Task) -> Seconds:
        return [float(value) for value in self.context.nominal_s[task.index]]


class Listed(Olb):
    """``olb`` that writes its shares as a list, which the event loop looks at closely."""

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for placement in super().place(pending, state):
            ((device, fraction),) = placement.shares
            yield Placement(placement.task, [(device, fraction)])  # type: ignore[arg-type]


def digest(tasks: Workload, scheduler: Scheduler, estimator: Any = "nominal") -> str:
    simulation = Simulation(tasks, CLUSTER, scheduler, estimator)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return simulation.ledger.digest()


@pytest.mark.parametrize("rule", [Olb, Mct])
def test_an_estimator_that_answers_the_etc_changes_nothing(rule: type[Scheduler]) -> None:
    for seed in SEEDS:
        tasks = tenths(seed, divisible=rule is Mct)
        assert digest(tasks, rule()) == digest(tasks, rule(), ToldEtc), seed


def test_shares_written_as_a_list_change_nothing() -> None:
    for seed in SEEDS:
        tasks = tenths(seed, divisible=False)
        assert digest(tasks, Olb()) == digest(tasks, Listed()), seed
        assert digest(tasks, Olb(), ToldEtc) == digest(tasks, Listed(), ToldEtc), seed


@given(st.integers(0, 10_000))
@laws(50)
def test_the_seconds_of_whole_tasks_are_those_of_the_device_bit_by_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 50
    tasks = workload("random", ("cpu", "gpu"), np.zeros(n), rng.random((n, 2)) + 0.01, transfer_gb=rng.random(n))
    shared = Shared(tasks)
    for spec in CLUSTER.devices:
        device = DeviceState(spec, int(spec.kind == "gpu"))
        whole_s = shared.whole_s("true", device)
        for i in range(n):
            assert whole_s[i] == device.seconds(tasks.actual_s[i].tolist(), float(tasks.transfer_gb[i]), 1.0)


def test_a_placement_on_a_device_far_down_the_list_is_legal_too() -> None:
    many = devices(*({"kind": "cpu"} for _ in range(1100)))
    tasks = workload("one", ("cpu",), [0.0], [[1.0]])

    class Last(Scheduler):
        name = "last"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            return [on(task, 1099) for task in pending]

    simulation = Simulation(tasks, many, Last())
    simulation.advance()
    assert simulation.status == "finished" and simulation.ledger.device[0] == 1099
