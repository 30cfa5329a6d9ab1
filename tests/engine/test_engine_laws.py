"""Laws that hold for any workload, cluster and policy; every right-hand side is computed here, not by the engine."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise, permutations

import numpy as np
import pytest
from engine_worlds import World, contract_seconds, devices, laws, shares_of, worlds
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import Link
from engine.pending import Pending
from engine.placement import Placement, on, split
from engine.race import LaneSpec, Race
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.workload import workload
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met

NEAR = 1e-9


def ran(world: World) -> Simulation:
    simulation = world.simulation()
    simulation.advance()
    return simulation


@laws(60)
@given(worlds(exact=False) | worlds(graph=True, data=True, exact=False))
def test_the_work_of_a_finished_task_is_conserved_and_each_share_takes_the_contracts_seconds(world: World) -> None:
    simulation = ran(world)
    finished = set(simulation.ledger.finished)
    done: dict[int, float] = defaultdict(float)
    for task, device, fraction, start_s, end_s in shares_of(simulation):
        if task in finished:
            done[task] += fraction
            assert end_s - start_s == pytest.approx(contract_seconds(world, task, device, fraction), rel=1e-9)
    assert set(done) == finished
    assert all(work == pytest.approx(1.0, abs=1e-12) for work in done.values())
    if simulation.status == "finished":
        assert finished == set(range(len(world.tasks)))


@laws(60)
@given(worlds(exact=False) | worlds(graph=True, data=True, exact=False))
def test_no_slot_and_no_memory_is_used_twice_at_any_instant(world: World) -> None:
    shares = [row for row in shares_of(ran(world)) if not math.isnan(row[4])]
    for device in world.cluster.devices:
        here = [row for row in shares if row[1] == device.index]
        for instant in {row[3] for row in here}:
            running = [row for row in here if row[3] <= instant < row[4]]
            assert sum(world.tasks.slots[row[0]] for row in running) <= device.slots
            assert sum(world.tasks.memory_gb[row[0]] * row[2] for row in running) <= device.memory_gb + NEAR


@laws(60)
@given(worlds(graph=True, data=True, exact=False))
def test_nothing_starts_before_its_arrival_or_before_its_parents_and_their_data(world: World) -> None:
    w, link = world.tasks, world.cluster.link
    shares = shares_of(ran(world))
    for task, device, _, start_s, _ in shares:
        if math.isnan(start_s):
            continue
        assert start_s >= w.arrival_s[task]
        for edge in range(w.parent_start[task], w.parent_start[task + 1]):
            of_parent = [row for row in shares if row[0] == w.parent_index[edge]]
            elsewhere = 1.0 - sum(row[2] for row in of_parent if row[1] == device)
            sent_s = link.latency_s + w.parent_gb[edge] * elsewhere / link.gb_s if elsewhere > 0 else 0.0
            assert start_s >= max(row[4] for row in of_parent) + sent_s - NEAR


@laws(60)
@given(worlds(exact=False, strict=False, patience=False))
def test_without_order_a_share_never_overtakes_one_that_was_placed_before_it_on_its_device(world: World) -> None:
    """Independent tasks are always ready, so that starts follow the placing order: no silent backfilling."""
    placed = sorted(range(len(world.tasks)), key=lambda i: (world.tasks.arrival_s[i], i))
    start_s = {(task, device): start for task, device, _, start, _ in shares_of(ran(world))}
    for device in range(len(world.cluster.devices)):
        starts = [start_s[task, device] for task in placed if (task, device) in start_s]
        assert starts == sorted(starts)


def test_the_head_of_a_queue_blocks_smaller_tasks_behind_it_although_they_would_fit() -> None:
    tasks = workload("head", ("cpu",), [0, 1, 2], [[4], [1], [1]], slots=[1, 2, 1])
    simulation = Simulation(tasks, devices({"slots": 2}), Met())
    simulation.advance()
    assert [row[3] for row in shares_of(simulation)] == [0.0, 4.0, 5.0]


def test_the_head_of_a_queue_blocks_for_memory_as_for_slots() -> None:
    tasks = workload("head", ("cpu",), [0, 1, 2], [[4], [1], [1]], memory_gb=[3, 2, 1])
    simulation = Simulation(tasks, devices({"slots": 4, "memory_gb": 4.0}), Met())
    simulation.advance()
    assert [row[3] for row in shares_of(simulation)] == [0.0, 4.0, 4.0]


class _InOrder(Scheduler):
    """Places everything on device 0 with the given orders."""

    name = "in_order"
    orders: tuple[float | None, ...] = ()

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        return [on(task, 0, self.orders[task.index]) for task in pending]


def test_with_order_the_lowest_goes_first_none_goes_last_and_ties_go_by_placing() -> None:
    policy = _InOrder()
    policy.orders = (9.0, None, 1.0, -2.5, 1.0)
    simulation = Simulation(workload("orders", ("cpu",), [0] * 5, [[1]] * 5), devices({}), policy)
    simulation.advance()
    assert [row[3] for row in shares_of(simulation)] == [0.0, 4.0, 2.0, 1.0, 3.0]


def test_with_order_the_head_blocks_until_its_parent_is_done_even_while_the_device_is_idle() -> None:
    class Plan(Scheduler):
        name = "plan"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            where = {0: (0, 0.0), 1: (1, 1.0), 2: (1, 2.0)}
            return [on(task, *where[task.index]) for task in pending]

    tasks = workload("plan", ("cpu",), [0] * 3, [[4], [1], [1]], parents=[[], [0], []], parents_gb=[[], [2], []])
    simulation = Simulation(tasks, devices({}, {}, link=Link(1.0, 0.5)), Plan())
    simulation.advance()
    assert [row[3] for row in shares_of(simulation)] == [0.0, 6.5, 7.5]


@laws(60)
@given(worlds(exact=False))
def test_energy_and_cost_are_the_integrals_of_idle_and_active_power_over_the_schedule(world: World) -> None:
    """Every device is integrated piece by piece between its starts and ends."""
    race = Race(world.tasks, world.cluster, [LaneSpec("scripted", world.simulation()._place.__self__)])
    race.advance(events=10**6)
    (row,) = race.result().rows
    if row.status != "finished":
        return
    shares = shares_of(race.lanes[0].simulation)
    first_s, end_s = float(world.tasks.arrival_s.min()), max(r[4] for r in shares)
    energy_j = money = 0.0
    for device in world.cluster.devices:
        here = [r for r in shares if r[1] == device.index]
        edges = sorted({first_s, end_s, *(r[3] for r in here), *(r[4] for r in here)})
        for a, b in pairwise(edges):
            busy = sum(int(world.tasks.slots[r[0]]) for r in here if r[3] <= a and r[4] >= b) / device.slots
            energy_j += (b - a) * (device.idle_w + (device.active_w - device.idle_w) * busy)
            money += (b - a) * busy * device.price_per_hour / 3600
    assert row.energy_j == pytest.approx(energy_j, rel=1e-9, abs=1e-9)
    assert row.cost == pytest.approx(money, rel=1e-9, abs=1e-12)


@laws(60)
@given(worlds(exact=False), st.data())
def test_cutting_advance_into_any_pieces_changes_no_bit(world: World, data: st.DataObject) -> None:
    log: list[object] = []
    whole = world.simulation(log)
    whole.advance()
    pieces_log: list[object] = []
    pieces = world.simulation(pieces_log)
    until_s = 0.0
    for _ in range(40):
        until_s += data.draw(st.sampled_from([0.0, 0.1, 0.5, 3.0]), label="until")
        pieces.advance(until_s, data.draw(st.integers(0, 3), label="events"))
    pieces.advance()
    assert pieces.ledger.digest() == whole.ledger.digest()
    assert pieces.status == whole.status
    assert pieces_log == log


@laws(40)
@given(worlds(), st.data())
def test_neither_the_lanes_order_nor_the_cutting_of_a_race_changes_a_digest(world: World, data: st.DataObject) -> None:
    def lanes() -> list[LaneSpec]:
        scripted = world.simulation()._place.__self__
        return [LaneSpec("scripted", scripted), LaneSpec("mct", Mct()), LaneSpec("oracle", Mct(), "true")]

    def rows(order: list[int], pieces: list[int]) -> dict[str, object]:
        race = Race(world.tasks, world.cluster, [lanes()[i] for i in order])
        for events in pieces:
            race.step() if not events else race.advance(race.clock_s + events / 2, events)
        while race.advance(events=1000):
            pass
        return {row.name: (row.digest, row.status, row.mean_response_s, row.energy_j) for row in race.result().rows}

    order = data.draw(st.permutations([0, 1, 2]), label="order")
    pieces = data.draw(st.lists(st.integers(0, 5), max_size=8), label="pieces")
    assert rows(list(order), pieces) == rows([0, 1, 2], [])


@laws(60)
@given(worlds(exact=False))
def test_all_figures_of_a_row_equal_their_naive_formulas(world: World) -> None:
    race = Race(world.tasks, world.cluster, [LaneSpec("oracle", Mct(), "true"), LaneSpec("met", Met())])
    race.advance(events=10**6)
    oracle, met = race.result().rows
    if met.status != "finished" or oracle.status != "finished":
        return
    shares = shares_of(race.lanes[1].simulation)
    arrival_s = world.tasks.arrival_s
    tasks = range(len(world.tasks))
    start = {i: min(r[3] for r in shares if r[0] == i) for i in tasks}
    finish = {i: max(r[4] for r in shares if r[0] == i) for i in tasks}
    response = [finish[i] - arrival_s[i] for i in tasks]
    wait = [start[i] - arrival_s[i] for i in tasks]
    slowdown = [max(1.0, response[i] / max(finish[i] - start[i], 10.0)) for i in tasks]
    makespan_s = max(finish.values()) - min(arrival_s)
    near = pytest.approx
    assert met.tasks == len(world.tasks)
    assert met.makespan_s == near(makespan_s)
    assert met.mean_response_s == near(sum(response) / len(response))
    assert (met.p50_response_s, met.p95_response_s, met.p99_response_s) == near(np.percentile(response, [50, 95, 99]))
    assert met.mean_wait_s == near(sum(wait) / len(wait), abs=1e-12)
    assert met.mean_bounded_slowdown == near(sum(slowdown) / len(slowdown))
    assert met.throughput_per_s == near(len(response) / makespan_s)
    for kind in ("cpu", "gpu"):
        of_kind = [d for d in world.cluster.devices if d.kind == kind]
        busy = sum(
            (r[4] - r[3]) * int(world.tasks.slots[r[0]]) for r in shares if world.cluster.devices[r[1]] in of_kind
        )
        slots = sum(d.slots for d in of_kind)
        assert met.utilisation[kind] == (near(busy / slots / makespan_s, abs=1e-12) if slots else None)
    by_user: dict[str, list[float]] = defaultdict(list)
    for i in tasks:
        by_user[world.tasks.users[i]].append(response[i])
    means = [sum(values) / len(values) for values in by_user.values()]
    assert met.jain == near(sum(means) ** 2 / (len(means) * sum(x * x for x in means)))
    assert met.regret == near(met.mean_response_s - oracle.mean_response_s, abs=1e-9)
    assert oracle.regret == 0.0


class _Curious(Scheduler):
    """Follows a script, and compares ``available_at`` with a replay of its own at every asking."""

    name = "curious"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.simulation: Simulation
        self.believed_s: dict[tuple[int, int], float] = {}
        self.placed: list[tuple[float, int, int, int]] = []  # rank, number, task, device
        self.compared = 0

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        self.compare(state)
        for task in pending:
            step = self.world.script[task.index]
            for device, fraction in step.shares:
                self.believed_s[task.index, device] = state.seconds(task, device, fraction)
                rank = math.inf if step.order is None else step.order
                self.placed.append((rank, len(self.placed), task.index, device))
            yield Placement(task, step.shares, step.order)
            self.compare(state)

    def compare(self, state: ClusterState) -> None:
        times = {(task, device): (start, end) for task, device, _, start, end in shares_of(self.simulation)}
        for spec in state.devices:
            queue, ends = [], []
            for *_, task, device in sorted(self.placed):
                if device == spec.index:
                    start_s, end_s = times[task, device]
                    slots, believed_s = int(self.world.tasks.slots[task]), self.believed_s[task, device]
                    if math.isnan(start_s):
                        queue.append((slots, believed_s))
                    elif math.isnan(end_s):
                        ends += [max(start_s + believed_s, state.now)] * slots
            ends += [state.now] * (spec.slots - len(ends))
            last_s = state.now
            for slots, believed_s in queue:
                last_s = max(last_s, sorted(ends)[slots - 1])
                ends = sorted(ends)[slots:] + [last_s + believed_s] * slots
            for slots in range(1, spec.slots + 1):
                expected_s = max(last_s, sorted(ends)[slots - 1])
                got_s = state.available_at(spec.index, slots)
                assert got_s >= state.now
                assert got_s == pytest.approx(expected_s, rel=1e-12, abs=1e-9)
                self.compared += 1
            assert state.available_at(spec.index, spec.slots + 1) == math.inf
        for group, alike in enumerate(state.equals):
            assert state.available_in(group) == [state.available_at(device) for device in alike]


def curious_about(world: World) -> None:
    policy = _Curious(world)
    policy.simulation = Simulation(world.tasks, world.cluster, policy)
    policy.simulation.advance()
    assert policy.compared
    assert policy.simulation.status == "finished" or "starved" in str(policy.simulation.reason), (
        policy.simulation.traceback
    )


@laws(80)
@given(worlds(exact=False, patience=False) | worlds(graph=True, data=True, exact=False, patience=False))
def test_available_at_is_the_replay_of_all_that_runs_and_waits_with_the_believed_seconds(world: World) -> None:
    curious_about(world)


def test_what_is_believed_does_not_depend_on_earlier_questions() -> None:
    """Task 1 waits for memory, not for a slot: at every instant it is believed to start at once."""
    tasks = workload("memory", ("cpu",), [0, 0, 5], [[100], [10], [1]], memory_gb=[1, 1, 0])

    def believed(asked_at: tuple[float, ...]) -> dict[float, float]:
        answers: dict[float, float] = {}

        class Asking(Scheduler):
            name = "asking"

            def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
                for task in pending:
                    yield on(task, 1 if task.index == 2 else 0)
                if state.now in asked_at:
                    answers[state.now] = state.available_at(0, 2)

        Simulation(tasks, devices({"slots": 3, "memory_gb": 1.0}, {}), Asking()).advance(6.0)
        return answers

    assert believed((0.0, 5.0))[5.0] == believed((5.0,))[5.0] == 15.0


def test_of_the_children_that_one_finish_releases_the_first_placed_starts_first() -> None:
    tasks = workload("children", ("cpu",), [0, 1, 0], [[2]] * 3, parents=[[], [0], [0]])
    simulation = Simulation(tasks, devices({}), Met())
    simulation.advance()
    assert [row[3] for row in shares_of(simulation)] == [0.0, 4.0, 2.0]


@pytest.mark.parametrize("arrival_s", [[0, 1, 0], [0, 3, 0]], ids=["two data", "data and an arrival"])
def test_data_that_arrive_let_the_first_placed_start_first_at_that_instant(arrival_s: list[float]) -> None:
    class Apart(Scheduler):
        name = "apart"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            return [on(task, min(task.index, 1)) for task in pending]

    parents = [[], [0], [0]]
    tasks = workload("data", ("cpu",), arrival_s, [[2]] * 3, parents=parents, parents_gb=[[], [1], [1]])
    simulation = Simulation(tasks, devices({}, {}, link=Link(1.0)), Apart())
    simulation.advance()
    assert [row[3] for row in shares_of(simulation)] == [0.0, 5.0, 3.0]


def test_a_task_may_be_split_over_more_than_127_devices() -> None:
    class Wide(Scheduler):
        name = "wide"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            yield split(pending.first, {device.index: 1 / 130 for device in state.devices})

    tasks = workload("wide", ("cpu",), [0.0], [[1.0]], divisible=True)
    simulation = Simulation(tasks, devices(*[{}] * 130), Wide())
    simulation.advance()
    assert simulation.status == "finished", simulation.reason


def test_a_task_that_fits_exactly_is_not_held_back_by_rounding() -> None:
    held_gb = [0.8, 2.3, 0.3, 4.6]
    for order in permutations((1.0, 2.0, 3.0)):
        seconds = [[100.0], *([s] for s in order), [1.0]]
        tasks = workload("drift", ("cpu",), [0, 0, 0, 0, 10], seconds, memory_gb=[*held_gb, 15.2])
        simulation = Simulation(tasks, devices({"slots": 8, "memory_gb": 16.0}), Met())
        simulation.advance()
        assert shares_of(simulation)[4][3] == 10.0


def test_the_utilisation_of_a_stopped_lane_is_at_most_1() -> None:
    tasks = workload("stop", ("cpu",), [0, 0, 50], [[1], [1000], [1]])
    race = Race(tasks, devices({}), [LaneSpec("met", Met())])
    race.advance(60.0)
    race.stop()
    (row,) = race.result().rows
    assert row.status == "stopped"
    assert row.utilisation["cpu"] == 1.0


@pytest.mark.parametrize("events", [1, 2, 3, 7, 1000])
def test_the_clock_never_goes_back_and_ends_at_the_last_finish_however_the_race_is_cut(events: int) -> None:
    tasks = workload("cut", ("cpu",), np.arange(30.0), np.full((30, 1), 0.5))
    race = Race(tasks, devices({"idle_w": 10.0, "active_w": 20.0}), [LaneSpec("met", Met())])
    clocks = [race.clock_s]
    while not race.done:
        race.advance(events=events)
        clocks.append(race.clock_s)
    assert clocks == sorted(clocks)
    assert race.clock_s == 29.5
