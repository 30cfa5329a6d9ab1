"""edf against Jackson's rule and a list scheduler written out here; split_balance against Qilin's crossing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import Cluster
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.task import TaskColumns
from engine.workload import Workload, workload
from plugins.schedulers.edf import Edf
from plugins.schedulers.mct import Mct
from plugins.schedulers.split_balance import SplitBalance
from tests.engine.engine_worlds import devices, laws, shares_of


def run(tasks: Workload, cluster: Cluster, scheduler: Scheduler) -> list[tuple[int, int, float, float, float]]:
    simulation = Simulation(tasks, cluster, scheduler)
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    return shares_of(simulation)


def largest_lateness_s(order: Sequence[int], seconds: Sequence[int], deadlines: Sequence[int]) -> int:
    ends = np.cumsum([seconds[i] for i in order])
    return max(int(end) - deadlines[i] for end, i in zip(ends, order, strict=True))


@laws(40)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 30)), min_size=1, max_size=6))
def test_on_one_machine_no_order_has_a_smaller_largest_lateness(rows: list[tuple[int, int]]) -> None:
    """Jackson 1955."""
    seconds, deadlines = zip(*rows, strict=True)
    n = len(rows)
    tasks = workload("due", ("cpu",), np.zeros(n), np.array(seconds, dtype=float)[:, None], deadline_s=deadlines)
    late_s = max(end_s - deadlines[task] for task, _, _, _, end_s in run(tasks, devices({}), Edf()))
    assert late_s == min(largest_lateness_s(order, seconds, deadlines) for order in permutations(range(n)))


def test_an_arrival_with_an_earlier_deadline_overtakes_all_that_wait_and_none_that_runs() -> None:
    tasks = workload("overtaking", ("cpu",), [0, 0, 0, 1], [[4.0]] * 4, deadline_s=[math.inf, 30.0, 20.0, 10.0])
    starts = {task: start_s for task, _, _, start_s, _ in run(tasks, devices({}), Edf())}
    assert starts == {2: 0.0, 3: 4.0, 1: 8.0, 0: 12.0}


def test_of_the_free_devices_the_one_that_ends_the_task_first_takes_it_and_ties_go_to_the_lower() -> None:
    tasks = workload("two", ("cpu", "gpu"), [0, 0, 0], [[9.0, 2.0], [3.0, 2.0], [3.0, 2.0]], deadline_s=[5, 6, 7])
    assert [d for _, d, *_ in run(tasks, devices({}, {"kind": "gpu"}, {}), Edf())] == [1, 0, 2]


def test_a_wide_task_is_not_starved_by_narrow_ones_behind_it() -> None:
    """At 1 s two slots are needed and one is free: the narrow task with the later deadline must not take it."""
    tasks = workload("wide", ("cpu",), [0, 0, 1, 1], [[2], [5], [1], [9]], slots=[1, 1, 2, 1], deadline_s=[1, 2, 3, 4])
    starts = {task: start_s for task, _, _, start_s, _ in run(tasks, devices({"slots": 2}), Edf())}
    assert starts == {0: 0.0, 1: 0.0, 2: 5.0, 3: 6.0}


def test_a_task_for_a_busy_device_alone_does_not_hold_up_those_behind_it() -> None:
    seconds = [[math.inf, 5.0], [math.inf, 5.0], [2.0, 9.0]]
    tasks = workload("gpu only", ("cpu", "gpu"), [0, 0, 0], seconds, deadline_s=[1, 2, 3])
    starts = {task: start_s for task, _, _, start_s, _ in run(tasks, devices({}, {"kind": "gpu"}), Edf())}
    assert starts == {0: 0.0, 1: 5.0, 2: 0.0}


def test_edf_declines_a_workload_without_any_deadline() -> None:
    tasks = workload("plain", ("cpu",), [0.0], [[1.0]])
    assert "edf" in str(reason := Edf.declines(TaskColumns(tasks), devices({}))) and "no task" in str(reason)
    due = workload("due", ("cpu",), [0.0, 0.0], [[1.0], [1.0]], deadline_s=[math.inf, 3.0])
    assert Edf.declines(TaskColumns(due), devices({})) is None


@laws(80)
@given(st.floats(0.1, 20.0), st.floats(0.1, 20.0), st.floats(0.0, 4.0), st.floats(0.0, 0.05), st.integers(0, 3))
def test_the_two_parts_take_equally_long_whatever_waits(
    cpu_s: float, gpu_s: float, transfer_gb: float, latency_s: float, before: int
) -> None:
    """Qilin: where the two time models cross. Tasks that only the GPU can run wait there before the divisible one."""
    n = before + 1
    seconds = [[math.inf, 3.0]] * before + [[cpu_s, gpu_s]]
    divisible = [False] * before + [True]
    tasks = workload("last", ("cpu", "gpu"), np.zeros(n), seconds, divisible=divisible, transfer_gb=transfer_gb)
    cluster = devices({}, {"kind": "gpu", "link_gb_s": 2.0, "link_latency_s": latency_s})
    parts = {d: (f, end_s - start_s) for t, d, f, start_s, end_s in run(tasks, cluster, SplitBalance()) if t == before}
    assert set(parts) == {0, 1}
    assert parts[0][1] == pytest.approx(parts[1][1], rel=1e-9)
    assert parts[0][0] + parts[1][0] == pytest.approx(1.0)


def test_memory_limits_the_balance_and_what_has_no_crossing_goes_whole_where_it_ends_first() -> None:
    cluster = devices({}, {"kind": "gpu", "memory_gb": 2.0, "link_gb_s": 8.0, "link_latency_s": 0.5})
    large = workload("large", ("cpu", "gpu"), [0.0], [[9.0, 1.0]], memory_gb=8.0, divisible=True)
    assert {d: f for _, d, f, *_ in run(large, cluster, SplitBalance())} == {0: 0.75, 1: 0.25}
    short = workload("short", ("cpu", "gpu"), [0.0], [[0.4, 0.1]], divisible=True)
    assert [(d, f) for _, d, f, *_ in run(short, cluster, SplitBalance())] == [(0, 1.0)]
    whole = workload("whole", ("cpu", "gpu"), [0.0, 0.0], [[9.0, 1.0], [9.0, 1.0]])
    assert [d for _, d, *_ in run(whole, cluster, SplitBalance())] == [1, 1]


def test_of_several_pairs_the_one_that_ends_the_task_first_takes_it() -> None:
    """Two equal CPUs and GPUs: the second task finds the first pair busy."""
    tasks = workload("pairs", ("cpu", "gpu"), [0.0, 0.0], [[4.0, 4.0]] * 2, divisible=True)
    rows = run(tasks, devices({}, {}, {"kind": "gpu"}, {"kind": "gpu"}), SplitBalance())
    assert [(task, d) for task, d, *_ in rows] == [(0, 0), (0, 2), (1, 1), (1, 3)]
    assert all(end_s == 2.0 for *_, end_s in rows)


def test_under_load_weighing_the_queues_is_ahead_of_balance() -> None:
    rng = np.random.default_rng(3)
    seconds = rng.lognormal(0, 1, (400, 2)) * [1.0, 0.3]
    tasks = workload("busy", ("cpu", "gpu"), np.cumsum(rng.exponential(0.3, 400)), seconds, divisible=True)
    cluster = devices({}, {}, {"kind": "gpu"})
    mean_end_s = {rule: np.mean([end_s for *_, end_s in run(tasks, cluster, rule())]) for rule in (Mct, SplitBalance)}
    assert mean_end_s[Mct] < mean_end_s[SplitBalance]
