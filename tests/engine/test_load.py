from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cluster import Cluster, Device
from engine.errors import InputError
from engine.load import (
    cutting_planes_s,
    linear_program_s,
    shortest_time_s,
    sustainable_rate,
    two_groups_s,
    work_by_group,
)
from engine.workload import workload


def devices(cpus: int, gpus: int, **gpu: float) -> Cluster:
    cpu = [Device(i, f"cpu-{i}", "cpu", "cpu") for i in range(cpus)]
    rest = [Device(cpus + i, f"gpu-{i}", "gpu", "gpu", **gpu) for i in range(gpus)]  # type: ignore[arg-type]
    return Cluster("test", (*cpu, *rest))


# a task's cost on both groups, and the most of it that fits each: both, or (a divisible one) parts that make a whole
TASK = st.tuples(
    st.floats(1e-3, 1e3),
    st.floats(1e-3, 1e3),
    st.sampled_from([(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.7, 0.5), (1.0, 0.25), (0.3, 0.7)]),
)


@settings(max_examples=50)
@given(st.lists(TASK, min_size=1, max_size=30), st.integers(1, 8), st.integers(1, 8))
def test_the_closed_form_for_two_groups_is_the_linear_program(
    tasks: list[tuple[float, float, tuple[float, float]]], first: int, second: int
) -> None:
    most = np.array([fit for _, _, fit in tasks])
    cost = np.where(most > 0, np.array([[a, b] for a, b, _ in tasks]), 0.0)
    slots = np.array([first, second], dtype=float)
    assert two_groups_s(cost, most, slots) == pytest.approx(linear_program_s(cost, most, slots), rel=1e-6)


@given(st.lists(TASK, min_size=1, max_size=12), st.integers(1, 4))
def test_no_split_of_the_work_is_shorter_than_the_shortest_time(
    tasks: list[tuple[float, float, tuple[float, float]]], seed: int
) -> None:
    most = np.array([fit for _, _, fit in tasks])
    cost = np.where(most > 0, np.array([[a, b] for a, b, _ in tasks]), 0.0)
    slots = np.array([2.0, 1.0])
    share = np.random.default_rng(seed).uniform(np.minimum(1 - most[:, 1], most[:, 0]), most[:, 0])
    longest = max(share @ cost[:, 0] / slots[0], (1 - share) @ cost[:, 1] / slots[1])
    assert two_groups_s(cost, most, slots) <= longest * (1 + 1e-9)


def test_one_group_of_devices_sustains_slots_divided_by_mean_seconds() -> None:
    tasks = workload("w", ("cpu",), np.zeros(4), [[1.0], [2.0], [3.0], [2.0]])
    assert sustainable_rate(tasks, devices(3, 0)) == pytest.approx(3 / 2.0)


def test_two_equal_groups_share_the_work_evenly() -> None:
    tasks = workload("w", ("cpu", "gpu"), np.zeros(10), np.ones((10, 2)))
    assert sustainable_rate(tasks, devices(1, 1)) == pytest.approx(2.0)


def test_launch_latency_transfer_speed_and_slots_count_as_work() -> None:
    tasks = workload("w", ("cpu", "gpu"), [0.0], [[math.inf, 4.0]], transfer_gb=6.0, slots=2)
    cluster = devices(1, 1, speed=2.0, slots=4, link_gb_s=12.0, link_latency_s=0.5)
    assert sustainable_rate(tasks, cluster) == pytest.approx(4 / ((4.0 / 2 + 0.5 + 0.5) * 2))


def test_an_indivisible_task_too_large_for_the_gpu_counts_on_the_cpu_alone() -> None:
    tasks = workload("w", ("cpu", "gpu"), [0.0], [[10.0, 1.0]], memory_gb=20.0)
    assert sustainable_rate(tasks, devices(1, 1, memory_gb=16.0)) == pytest.approx(1 / 10.0)


def test_a_divisible_task_too_large_for_the_gpu_may_put_the_part_there_that_fits() -> None:
    tasks = workload("w", ("cpu", "gpu"), [0.0], [[10.0, 1e-6]], memory_gb=20.0, divisible=True)
    assert sustainable_rate(tasks, devices(1, 1, memory_gb=16.0)) == pytest.approx(1 / (0.2 * 10.0))


def time_of_many() -> float:
    """Return the shortest time of 50,000 tasks: enough for a numerics library to use threads."""
    rng = np.random.default_rng(0)
    cost, most = np.exp(rng.normal(0.0, 1.0, (50_000, 2))), np.ones((50_000, 2))
    return two_groups_s(cost, most, np.array([4.0, 2.0]))


@pytest.mark.parametrize(("processor", "threads"), [("Haswell", "1"), ("Haswell", "8"), ("Prescott", "1")])
def test_the_load_has_the_same_bits_with_any_threads_and_processor_of_a_numerics_library(
    processor: str, threads: str
) -> None:
    program = "import tests.engine.test_load as t; print(repr(t.time_of_many()))"
    choice = {"OPENBLAS_CORETYPE": processor, "OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", program]
    other = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **choice})
    assert other.stdout.strip() == repr(time_of_many())


def test_three_groups_are_solved_by_the_linear_program() -> None:
    tasks = workload("w", ("a", "b", "c"), np.zeros(6), np.ones((6, 3)))
    cluster = Cluster("abc", tuple(Device(i, m, "cpu", m) for i, m in enumerate("abc")))
    assert shortest_time_s(work_by_group(tasks, cluster)) == pytest.approx(2.0)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 5))
def test_the_cutting_planes_are_the_linear_program(seed: int, tasks: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    most = np.where(rng.random((tasks, groups)) < 0.7, rng.choice([0.6, 1.0], (tasks, groups)), 0.0)
    most[:, 0] = 1.0
    cost = np.where(most > 0, np.exp(rng.normal(0.0, 2.0, (tasks, groups))), 0.0)
    slots = rng.integers(1, 9, groups).astype(float)
    assert cutting_planes_s(cost, most, slots) == pytest.approx(linear_program_s(cost, most, slots), rel=1e-6)


def test_a_task_that_fits_no_device_is_refused_by_number() -> None:
    tasks = workload("w", ("cpu", "gpu"), [0.0, 0.0], np.ones((2, 2)), slots=[1, 2])
    with pytest.raises(InputError, match="Task 1 of 'w' fits no device of 'test'"):
        sustainable_rate(tasks, devices(1, 1))
