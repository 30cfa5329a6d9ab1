"""Memory, links, idle slots, deadlines and decisions of a race: each against its definition written out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from engine_worlds import World, devices, laws, shares_of, worlds
from hypothesis import given

from engine.cluster import Cluster, Link
from engine.decision_clock import SAMPLED
from engine.pending import Pending
from engine.placement import Placement, on, split
from engine.race import LaneSpec, Race
from engine.resource_use import fragmentation, gpu_memory_peak_gb, moved_gb
from engine.results import SchedulerResult
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.workload import Workload, workload
from plugins.schedulers.met import Met


class There(Scheduler):
    """Places every task where ``where`` says, by its index."""

    name = "there"
    where: tuple[Any, ...] = ()

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            target = self.where[task.index]
            yield split(task, target) if isinstance(target, dict) else on(task, target)


def placed(tasks: Workload, cluster: Cluster, *where: Any) -> Simulation:
    policy = There()
    policy.where = where
    simulation = Simulation(tasks, cluster, policy)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return simulation


def row_of(tasks: Workload, cluster: Cluster, scheduler: Scheduler) -> SchedulerResult:
    race = Race(tasks, cluster, [LaneSpec(scheduler.name, scheduler)])
    while race.advance():
        pass
    (row,) = race.result().rows
    assert row.status == "finished", row.reason
    return row


@laws(60)
@given(worlds(exact=False) | worlds(graph=True, data=True, exact=False))
def test_what_was_moved_and_held_is_what_the_shares_say(world: World) -> None:
    simulation = world.simulation()
    simulation.advance()
    w, cluster = world.tasks, world.cluster
    shares = [row for row in shares_of(simulation) if not math.isnan(row[3])]
    moved = sum(w.transfer_gb[t] * f for t, d, f, *_ in shares if cluster.devices[d].link_gb_s is not None)
    if cluster.link != Link():
        for task, device, *_ in shares:
            for edge in range(w.parent_start[task], w.parent_start[task + 1]):
                here = sum(f for t, d, f, *_ in shares if t == w.parent_index[edge] and d == device)
                moved += w.parent_gb[edge] * (1.0 - here)
    assert moved_gb(simulation) == pytest.approx(moved, abs=1e-9)
    gpus = cluster.of_kind("gpu")
    peak = 0.0
    for gpu in gpus:
        here = [row for row in shares if row[1] == gpu.index]
        for _, _, _, instant, _ in here:
            held = [w.memory_gb[t] * f for t, _, f, start, end in here if start <= instant and not end <= instant]
            peak = max(peak, sum(held))
    assert gpu_memory_peak_gb(simulation) == (pytest.approx(peak, abs=1e-9) if gpus else None)


@laws(60)
@given(worlds(exact=False))
def test_fragmentation_is_the_integral_of_the_idle_slots_that_tasks_cannot_use(world: World) -> None:
    simulation = world.simulation()
    simulation.advance()
    w = world.tasks
    from_s, to_s = float(w.arrival_s.min()), simulation.now_s
    shares = [row for row in shares_of(simulation) if not math.isnan(row[4])]
    idle_s = unusable_s = 0.0
    for gpu in world.cluster.of_kind("gpu"):
        demands = [
            int(s) for s, can in zip(w.slots, np.isfinite(w.actual_s[:, 1]), strict=True) if can and s <= gpu.slots
        ]
        if gpu.slots == 1 or not demands:
            continue
        here = [row for row in shares if row[1] == gpu.index]
        for a, b in pairwise(sorted({from_s, to_s, *(r[3] for r in here), *(r[4] for r in here)})):
            idle = gpu.slots - sum(int(w.slots[r[0]]) for r in here if r[3] <= a and r[4] >= b)
            idle_s += idle * (b - a)
            unusable_s += idle * (b - a) * sum(demand > idle for demand in demands) / len(demands)
    expected = pytest.approx(unusable_s / idle_s, abs=1e-9) if idle_s > 0 else None
    assert fragmentation(simulation, from_s, to_s) == expected


def test_half_of_the_tasks_cannot_use_two_of_four_gpus() -> None:
    tasks = workload("mix", ("cpu", "gpu"), [0, 0], [[9, 1], [9, 1]], slots=[2, 4])
    cluster = devices({}, {"kind": "gpu", "slots": 4})
    # second 0 to 1: 2 of 4 idle, of no use to the task of 4; second 1 to 2: none idle
    assert fragmentation(placed(tasks, cluster, 1, 1), 0.0, 2.0) == 0.5
    assert fragmentation(placed(tasks, devices({"slots": 4}, {"kind": "gpu"}), 0, 0), 0.0, 2.0) is None


def test_a_share_of_the_data_of_a_split_parent_is_there_already() -> None:
    tasks = workload(
        "split", ("cpu",), [0, 0], [[4], [1]], divisible=[True, False], parents=[[], [0]], parents_gb=[[], [8]]
    )
    where = ({0: 0.75, 1: 0.25}, 1)
    assert moved_gb(placed(tasks, devices({}, {}, link=Link(1.0)), *where)) == 6.0
    assert moved_gb(placed(tasks, devices({}, {}), *where)) == 0.0


def test_only_a_head_with_slots_free_that_waits_for_memory_is_refused() -> None:
    cluster = devices({"slots": 2, "memory_gb": 4.0})

    def refused(memory_gb: list[float]) -> int | None:
        return row_of(
            workload("m", ("cpu",), [0, 1, 2], [[4], [4], [1]], memory_gb=memory_gb), cluster, Met()
        ).memory_refusals

    assert refused([1, 1, 1]) == 0
    assert refused([3, 2, 1]) == 1
    # the second waits for the first and the third for the second: each once, however often the queue is looked at
    assert refused([3, 3, 3]) == 2


def test_a_strict_head_that_waits_for_its_parent_is_not_refused() -> None:
    class Ordered(Scheduler):
        name = "ordered"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            return [on(task, task.index % 2, float(task.index)) for task in pending]

    tasks = workload("o", ("cpu",), [0] * 3, [[4], [5], [1]], memory_gb=[0, 3, 0], parents=[[], [], [1]])
    assert row_of(tasks, devices({}, {"memory_gb": 4.0}), Ordered()).memory_refusals == 0


def test_late_tasks_are_counted_among_those_with_a_deadline() -> None:
    tasks = workload("due", ("cpu",), [0, 0, 0, 0], [[1]] * 4, deadline_s=[1.0, 1.5, math.inf, 4.0])
    row = row_of(tasks, devices({}), Met())
    assert (row.deadline_misses, row.deadline_miss_share) == (1, pytest.approx(1 / 3))
    row = row_of(workload("free", ("cpu",), [0], [[1]]), devices({}), Met())
    assert (row.deadline_misses, row.deadline_miss_share) == (None, None)


def test_figures_without_a_column_of_their_own_are_stored_as_metrics_at_the_end() -> None:
    tasks = workload("due", ("cpu",), [0, 0], [[1], [2]], deadline_s=[1.0, 1.5])
    race = Race(tasks, devices({}), [LaneSpec("met", Met())])
    while race.advance():
        pass
    result = race.result()
    stored = {s.name: (s.scheduler, s.at_s.tolist(), s.value.tolist()) for s in race.metric_series(result)}
    assert stored["gap_makespan"] == stored["gap_mean_response"] == ("met", [3.0], [0.0])
    assert stored["deadline_miss_share"] == ("met", [3.0], [0.5])
    assert "gpu_memory_peak_gb" not in stored


class Slow(Scheduler):
    """Takes 2 ms of wall time for a decision, half before its first placement and half after."""

    name = "slow"

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        self._think()
        for task in pending:
            yield on(task, 0)
        self._think()

    @staticmethod
    def _think() -> None:
        until = time.perf_counter() + 0.001
        while time.perf_counter() < until:
            pass


def test_the_decision_latency_is_the_wall_time_in_place_and_no_part_of_what_makes_races_equal() -> None:
    tasks = workload("w", ("cpu",), np.arange(200.0), np.full((200, 1), 0.5))
    one, other = (row_of(tasks, devices({}), Slow()) for _ in range(2))
    assert one.decision_latency_s["mean"] >= 0.002
    assert one.decision_latency_s["p99"] >= one.decision_latency_s["mean"] / 2
    assert one.decision_latency_s != other.decision_latency_s
    assert one == other


def test_a_long_race_asks_the_clock_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def perf_counter() -> float:
        nonlocal asked
        asked += 1
        return float(asked)

    monkeypatch.setattr("engine.decision_clock.perf_counter", perf_counter)
    n = 6400
    simulation = Simulation(workload("w", ("cpu",), np.arange(float(n)), np.full((n, 1), 0.5)), devices({}), Met())
    while simulation.advance(events=7):
        pass
    # met returns a list or yields: two calls around place, two around each placement and the end
    assert 0 < asked <= 6 * (SAMPLED + 2 * n / SAMPLED)
    assert simulation.decisions.seconds()["mean"] > 0
