"""Where a share with an order would stand in a queue: when its turn comes, and how many it would hold up."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cluster import Cluster, Device
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.workload import workload


class InOrder(Scheduler):
    """Places everything on device 0 with given orders, and asks where the last one would stand before it places it."""

    name = "in_order"

    def __init__(self, orders: list[float]) -> None:
        super().__init__()
        self.orders = orders
        self.told: tuple[float, int] = (np.nan, -1)

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            order = self.orders[task.index]
            self.told = state.in_line(0, order, task.slots)
            yield on(task, 0, order)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.floats(0.1, 9.0), st.integers(1, 3), st.integers(0, 4)), min_size=1, max_size=12),
    st.integers(3, 4) | st.just(1),
)
def test_the_last_one_placed_starts_when_it_is_told_to_and_holds_up_those_it_is_told(
    tasks: list[tuple[float, int, int]], slots: int
) -> None:
    seconds, wanted, orders = zip(*tasks, strict=True)
    demanded = np.minimum(wanted, slots)
    source = workload("line", ("cpu",), np.zeros(len(tasks)), np.array(seconds)[:, None], slots=demanded)
    rule = InOrder([float(order) for order in orders])
    simulation = Simulation(source, Cluster("one", (Device(0, "cpu", "cpu", "cpu", slots=slots),)), rule, "true")
    simulation.advance(0.0)
    queued = [entry[3] for entry in simulation.devices[0].ready]
    last = len(tasks) - 1
    if last in queued:
        assert rule.told[1] == sum(orders[task] > orders[last] for task in queued)
    simulation.advance()
    assert simulation.status == "finished"
    np.testing.assert_allclose(simulation.ledger.start_s[last], rule.told[0], rtol=1e-12)


def test_a_share_that_needs_more_slots_than_there_are_never_has_its_turn() -> None:
    source = workload("wide", ("cpu",), [0.0], [[1.0]])
    cluster = Cluster("one", (Device(0, "cpu", "cpu", "cpu", slots=2),))
    simulation = Simulation(source, cluster, InOrder([0.0]))
    assert simulation._state.in_line(0, 1.0, 3) == (np.inf, 0)


def test_what_is_overdue_is_believed_to_need_as_long_again() -> None:
    source = workload("overdue", ("cpu",), [0.0, 5.0], [[9.0], [1.0]], etc_s=[[2.0], [1.0]])
    for slots in (1, 2):
        cluster = Cluster("one", (Device(0, "cpu", "cpu", "cpu", slots=slots),))
        tasks = workload("overdue", ("cpu",), source.arrival_s, source.actual_s, etc_s=source.etc_s, slots=slots)
        rule = InOrder([0.0, 0.0])
        Simulation(tasks, cluster, rule).advance()
        assert rule.told == (8.0, 0)  # due at 2, asked at 5
