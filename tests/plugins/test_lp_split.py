"""lp_split reaches the fractional optimum and declines where it could not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.load import shortest_time_s, work_by_group
from engine.simulation import Simulation
from engine.task import TaskColumns
from engine.workload import workload
from plugins.schedulers.lp_split import LpSplit
from tests.engine.engine_worlds import devices, laws

MODELS = ("a", "b", "c")


def declined(cluster: Any = None, **columns: Any) -> str | None:
    given = {"arrival_s": [0.0, 0.0], "actual_s": [[1.0, 2.0]] * 2, "divisible": True, **columns}
    tasks = workload("two", ("cpu", "gpu"), given.pop("arrival_s"), given.pop("actual_s"), **given)
    return LpSplit.declines(TaskColumns(tasks), cluster or devices({}, {"kind": "gpu"}))


@laws(60)
@given(
    st.lists(st.sampled_from([("a", 1.0), ("a", 2.0), ("b", 1.0), ("c", 0.5)]), min_size=1, max_size=6),
    st.integers(1, 20),
    st.integers(0, 10**6),
)
def test_every_device_works_without_a_gap_until_the_optimum(specs: list[tuple[str, float]], n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    seconds = rng.lognormal(0, 2, (n, 3))
    seconds[rng.random((n, 3)) < 0.2] = np.inf
    column = MODELS.index(specs[0][0])
    seconds[:, column] = np.where(np.isfinite(seconds[:, column]), seconds[:, column], 5.0)  # runs somewhere
    cluster = devices(*({"model": model, "speed": speed} for model, speed in specs))
    tasks = workload("batch", MODELS, np.zeros(n), seconds, divisible=True)
    simulation = Simulation(tasks, cluster, LpSplit())
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    assert simulation.now_s == pytest.approx(shortest_time_s(work_by_group(tasks, cluster)), rel=1e-8)


def test_it_serves_a_batch_of_divisible_tasks_without_transfer() -> None:
    assert declined() is None
    assert declined(devices({}, {"kind": "gpu", "link_gb_s": 8.0})) is None  # nothing to move


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"arrival_s": [0.0, 1.0]}, "over time"),
        ({"divisible": [True, False]}, "task 1 is not divisible"),
        ({"parents": [[], [0]]}, "wait for each other"),
        ({"slots": [1, 2], "cluster": devices({"slots": 2})}, "one slot"),
        ({"transfer_gb": 1.0, "cluster": devices({}, {"kind": "gpu", "link_gb_s": 8.0})}, "transfers"),
        ({"cluster": devices({}, {"kind": "gpu", "link_gb_s": 8.0, "link_latency_s": 0.1})}, "transfers"),
        ({"memory_gb": 4.0, "cluster": devices({}, {"kind": "gpu", "memory_gb": 2.0})}, "memory"),
    ],
)
def test_it_says_why_it_declines(columns: dict[str, Any], why: str) -> None:
    reason = declined(**columns)
    assert reason is not None and "lp_split" in reason and why in reason


def test_it_declines_a_program_that_would_take_longer_than_a_policy_may() -> None:
    assert "at most 100,000" in str(declined(arrival_s=np.zeros(50_001), actual_s=np.ones((50_001, 2))))
