"""No schedule beats a bound, and the bounds are reached where one can see that they must be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engine_worlds import World, devices, laws, worlds
from hypothesis import given
from hypothesis import strategies as st

from engine.bounds import Bounds, earliest_finish_s, gap, lower_bounds
from engine.cluster import Cluster
from engine.load import linear_program_s, priced_work_s, slot_prices
from engine.simulation import Simulation
from engine.task import TaskColumns
from engine.workload import Workload, workload
from plugins.registry import load_registry
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met

RULES = load_registry(plugins=[]).schedulers


def bounds_of(tasks: Workload, cluster: Cluster) -> Bounds:
    bounds = lower_bounds(tasks, cluster)
    assert bounds is not None
    return bounds


def drifting(world: World, changes: list[tuple[float, float]]) -> World:
    changed = tuple(replace(device, speed_at=tuple(sorted(changes))) for device in world.cluster.devices)
    return World(world.tasks, replace(world.cluster, devices=changed), world.script)


def assert_within_bounds(simulation: Simulation, tasks: Workload, cluster: Cluster) -> None:
    """Every task on its own, and the figures of the whole schedule."""
    earliest_s, bounds = earliest_finish_s(tasks, cluster), bounds_of(tasks, cluster)
    finish_s = np.array([simulation.ledger.finish_s(task) for task in range(len(tasks))])
    response_s = finish_s - tasks.arrival_s
    assert (finish_s >= earliest_s - 1e-9 * (1.0 + earliest_s)).all()
    for value, bound in (
        (finish_s.max() - tasks.arrival_s.min(), bounds.makespan_s),
        (response_s.mean(), bounds.mean_response_s),
    ):
        above = gap(float(value), bound)
        assert above is not None
        assert above >= 0.0


CHANGES = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 3.0]), st.sampled_from([0.5, 2.0, 3.0])), max_size=2)


@laws(100)
@given(worlds(exact=False) | worlds(graph=True, data=True, exact=False), CHANGES)
def test_no_placement_whatever_beats_the_bounds(world: World, changes: list[tuple[float, float]]) -> None:
    world = drifting(world, changes)
    simulation = world.simulation()
    simulation.advance()
    if simulation.status == "finished":
        assert_within_bounds(simulation, world.tasks, world.cluster)


@laws(25)
@given(worlds(exact=False) | worlds(graph=True, data=True, exact=False), CHANGES, st.sampled_from(["nominal", "true"]))
def test_no_built_in_policy_beats_the_bounds(world: World, changes: list[tuple[float, float]], estimator: str) -> None:
    world, columns = drifting(world, changes), TaskColumns(world.tasks)
    for rule in RULES.values():
        if rule.declines(columns, world.cluster) is None:
            simulation = Simulation(world.tasks, world.cluster, rule(), estimator)
            simulation.advance()
            assert simulation.status == "finished", simulation.traceback
            assert_within_bounds(simulation, world.tasks, world.cluster)


def alone(cluster: Cluster, seconds: list[float], models: tuple[str, ...] = ("cpu", "gpu"), **more: Any) -> float:
    tasks = workload("alone", models, [5.0], [seconds], **more)
    return float(earliest_finish_s(tasks, cluster)[0]) - 5.0


def test_a_task_alone_takes_its_best_device_with_transfer_and_latency() -> None:
    cluster = devices({}, {"kind": "gpu", "speed": 2.0, "link_gb_s": 4.0, "link_latency_s": 0.5})
    assert alone(cluster, [10.0, 8.0], transfer_gb=2.0) == 8.0 / 2 + 0.5 + 2.0 / 4
    assert alone(cluster, [3.0, 8.0], transfer_gb=2.0) == 3.0


def test_a_device_that_a_task_does_not_fit_does_not_count() -> None:
    cluster = devices({"slots": 4}, {"kind": "gpu", "memory_gb": 2.0, "slots": 2})
    assert alone(cluster, [10.0, 1.0], memory_gb=3.0) == 10.0
    assert alone(cluster, [10.0, 1.0], slots=3) == 10.0
    assert alone(cluster, [math.inf, 1.0]) == 1.0


def test_a_divisible_task_alone_ends_everywhere_at_once() -> None:
    pair = devices({}, {"kind": "gpu", "link_gb_s": 1.0, "link_latency_s": 1.0})
    # (T - 1) / (4 + 2) + T / 6 = 1
    assert alone(pair, [6.0, 4.0], transfer_gb=2.0, divisible=True) == pytest.approx(3.5, rel=1e-12)
    three = devices({}, {}, {"kind": "gpu"})
    assert alone(three, [6.0, 3.0], divisible=True) == pytest.approx(1.5, rel=1e-12)


def test_a_divisible_task_puts_no_more_on_a_device_than_its_memory_holds() -> None:
    cluster = devices({}, {"kind": "gpu", "memory_gb": 1.0})
    assert alone(cluster, [8.0, 1.0], memory_gb=4.0, divisible=True) == pytest.approx(0.75 * 8.0, rel=1e-12)


def test_one_device_runs_one_share_of_a_task_however_many_slots_it_has() -> None:
    assert alone(devices({"slots": 8}), [4.0], ("cpu",), divisible=True) == 4.0


@laws(60)
@given(st.floats(0.01, 100.0), st.floats(0.01, 100.0), st.floats(0.0, 10.0), st.floats(0.0, 2.0))
def test_the_best_split_of_one_task_reaches_its_bound(cpu: float, gpu: float, gb: float, latency_s: float) -> None:
    cluster = devices({}, {"kind": "gpu", "link_gb_s": 4.0, "link_latency_s": latency_s})
    tasks = workload("one", ("cpu", "gpu"), [5.0], [[cpu, gpu]], transfer_gb=gb, divisible=True)
    simulation = Simulation(tasks, cluster, Mct(), "true")
    simulation.advance()
    assert simulation.now_s == pytest.approx(float(earliest_finish_s(tasks, cluster)[0]), rel=1e-12)


def test_a_graph_is_as_long_as_its_longest_chain_of_best_times_and_late_arrivals() -> None:
    tasks = workload(
        "graph",
        ("cpu", "gpu"),
        [0.0, 0.0, 9.0, 0.0],
        [[4.0, 2.0], [1.0, 3.0], [5.0, 6.0], [1.0, 1.0]],
        parents=[[], [0], [1], [0, 2]],
    )
    cluster = devices({}, {"kind": "gpu"})
    assert earliest_finish_s(tasks, cluster).tolist() == [2.0, 3.0, 14.0, 15.0]
    bounds = bounds_of(tasks, cluster)
    assert (bounds.critical_path_s, bounds.mean_response_s) == (15.0, (2.0 + 3.0 + 5.0 + 15.0) / 4)


def test_all_tasks_together_share_one_machine_that_does_the_shortest_remaining_work_first() -> None:
    """On one slot, where pieces cost nothing: 8 is interrupted for 1, not for 9, and 2 waits for 1."""
    tasks = workload("queue", ("cpu",), [5.0, 6.0, 6.0, 6.5], [[8.0], [9.0], [1.0], [2.0]])
    bounds = bounds_of(tasks, devices({}))
    assert bounds.work_s == bounds.makespan_s == 20.0
    assert bounds.mean_response_s == ((16.0 - 5) + (25.0 - 6) + (7.0 - 6) + (9.0 - 6.5)) / 4


@laws(40)
@given(st.lists(st.floats(0.1, 10.0), min_size=1, max_size=12), st.integers(1, 4))
def test_the_shortest_first_on_one_slot_or_a_batch_that_fits_is_on_its_bound(seconds: list[float], slots: int) -> None:
    batch = workload("batch", ("cpu",), np.zeros(len(seconds)), np.array(seconds)[:, None])
    one = bounds_of(batch, devices({}))
    assert gap(float(np.cumsum(sorted(seconds)).mean()), one.mean_response_s) == pytest.approx(0.0, abs=1e-12)
    wide = bounds_of(batch, devices({"slots": len(seconds) * slots}))
    assert gap(float(np.mean(seconds)), wide.mean_response_s) == pytest.approx(0.0, abs=1e-12)


def test_drift_counts_with_the_fastest_speed_since_the_first_arrival() -> None:
    def bound_s(*changes: tuple[float, float]) -> float:
        tasks = workload("drift", ("cpu",), [5.0, 5.0], [[6.0], [6.0]])
        return bounds_of(tasks, devices({"speed_at": changes})).makespan_s

    assert bound_s() == bound_s((0.0, 3.0), (5.0, 1.0)) == 12.0
    assert bound_s((100.0, 3.0)) == bound_s((0.0, 3.0), (6.0, 0.5)) == 4.0


def test_more_work_than_slots_bounds_the_makespan_although_no_path_is_long() -> None:
    tasks = workload("wide", ("cpu", "gpu"), np.zeros(12), np.tile([2.0, 1.0], (12, 1)))
    bounds = bounds_of(tasks, devices({"slots": 2}, {"kind": "gpu"}))
    assert (bounds.critical_path_s, bounds.work_s, bounds.makespan_s) == (1.0, 6.0, 6.0)


@laws(40)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 5))
def test_any_prices_bound_the_linear_program_and_its_own_reach_it(seed: int, tasks: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    most = np.where(rng.random((tasks, groups)) < 0.7, rng.choice([0.6, 1.0], (tasks, groups)), 0.0)
    most[:, 0] = 1.0
    cost = np.where(most > 0, np.exp(rng.normal(0.0, 2.0, (tasks, groups))), 0.0)
    slots = rng.integers(1, 9, groups).astype(float)
    optimum_s = linear_program_s(cost, most, slots)
    prices = rng.random(groups)
    assert priced_work_s(cost, most, prices / (prices @ slots)).sum() <= optimum_s * (1 + 1e-9)
    assert priced_work_s(cost, most, slot_prices(cost, most, slots)).sum() == pytest.approx(optimum_s, rel=1e-8)


def test_prices_of_a_part_of_many_tasks_bound_all_of_them_closely() -> None:
    rng = np.random.default_rng(1)
    seconds = rng.lognormal(0, 1, (5_000, 1)) * rng.lognormal(0, 0.5, (5_000, 3))
    tasks = workload("many", ("a", "b", "c"), np.zeros(5_000), seconds)
    cluster = devices({"model": "a"}, {"model": "b", "slots": 3}, {"model": "c"})
    optimum_s = linear_program_s(seconds, np.ones_like(seconds), np.array([1.0, 3.0, 1.0]))
    assert optimum_s * 0.999 < bounds_of(tasks, cluster).work_s <= optimum_s


def test_there_is_no_bound_where_a_task_fits_nowhere() -> None:
    tasks = workload("wide", ("cpu",), [0.0, 0.0], [[1.0], [1.0]], slots=[1, 9])
    assert lower_bounds(tasks, devices({})) is None


def test_a_gap_is_0_within_rounding_and_a_defect_stays_visible() -> None:
    assert gap(3.0, 2.0) == 0.5
    assert gap(1.0 - 1e-9, 1.0) == gap(1.0, 1.0) == 0.0
    assert gap(0.9, 1.0) == pytest.approx(-0.1)
    assert gap(1.0, 0.0) is None


def test_met_on_an_idle_cluster_is_exactly_on_its_bound() -> None:
    tasks = workload("idle", ("cpu",), np.arange(50) / 3, np.full((50, 1), 0.1))
    simulation = Simulation(tasks, devices({"speed": 0.7}), Met())
    simulation.advance()
    assert [simulation.ledger.finish_s(i) for i in range(50)] == earliest_finish_s(
        tasks, devices({"speed": 0.7})
    ).tolist()
