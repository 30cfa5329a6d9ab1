"""What a change of the task mix costs a learner, and what a warm start brings: paired by task and seed. A minute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from engine.history import History
from engine.race import Race
from engine.spec import SchedulerSpec
from engine.workload import FloatArray, Workload, workload
from plugins.lanes import prepare_lane
from plugins.registry import load_registry
from plugins.workload import WorkloadRequest
from plugins.workloads.synthetic import Synthetic, SyntheticParams
from tests.benchmarks.test_learning import cluster_of

pytestmark = pytest.mark.benchmark

SEEDS = int(os.environ.get("SCHEDRACE_LEARNING_SEEDS") or 8)
WINDOW = 1000


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """One process a core: a race uses one."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield pool


def drawn(seed: int, load: float, noise: float, change: float = 1.0, tasks: int = 3000) -> Workload:
    request = WorkloadRequest(cluster_of(4, 2), seed=seed, tasks=tasks, load=load)
    return Synthetic(SyntheticParams(noise=noise, change=change)).load(request)


def raced(tasks: Workload, name: str, seed: int, known: History | None = None) -> tuple[FloatArray, History | None]:
    """Return the response seconds of each task, and what a learner has seen at the end."""
    lane = replace(prepare_lane(SchedulerSpec(name), seed, load_registry(plugins=[])), history=known)
    race = Race(tasks, cluster_of(4, 2), [lane.build()])
    try:
        while race.advance():
            pass
        (rows,) = race.take_finished()
        response_s = (rows.finish_s - rows.arrival_s)[np.argsort(rows.task)]
        log = race.lanes[0].simulation.samples
        if log is None:
            return response_s, None
        seen = log.latest(10**9, WINDOW)
        nominal_s, names = tasks.etc_s[seen.task], tasks.feature_names
        return response_s, History(
            tasks.models, names, seen.model, seen.fraction, seen.work_s, nominal_s, seen.features
        )  # fmt: skip
    finally:
        race.close()


def after_a_change(load: float, noise: float, seed: int) -> list[list[float]]:
    """Return mean responses after a change half-way, and where it was always so, 200 to 350 and 350 to 500 tasks on."""
    changed = drawn(seed, load, noise, change=0.5)
    always = replace(drawn(seed, load, noise, change=0.0), arrival_s=changed.arrival_s)
    half = len(changed) // 2
    found = [raced(tasks, "hybrid_ml", seed)[0][half:] for tasks in (changed, always)]
    return [[float(r[200:350].mean()), float(r[350:500].mean())] for r in found]


@pytest.mark.parametrize(("load", "noise"), [(0.5, 0.1), (0.7, 0.1), (0.5, 0.3)])
def test_after_a_change_of_the_mix_it_is_soon_near_the_level_of_a_race_that_was_always_so(
    pool: ProcessPoolExecutor, load: float, noise: float
) -> None:
    changed, always = np.mean(list(pool.map(partial(after_a_change, load, noise), range(SEEDS))), axis=0)
    soon, later = changed / always
    print(f"\nload {load}, noise {noise}: {soon:.3f} x after 200 to 350 tasks, {later:.3f} x after 350 to 500")
    assert soon <= 1.3
    assert later <= 1.2


def part(tasks: Workload, rows: slice) -> Workload:
    arrival_s = tasks.arrival_s[rows] - tasks.arrival_s[rows][0]
    return workload(
        "part", tasks.models, arrival_s, tasks.actual_s[rows], etc_s=tasks.etc_s[rows], features=tasks.features[rows],
        feature_names=tasks.feature_names, memory_gb=tasks.memory_gb[rows], divisible=tasks.divisible[rows],
    )  # fmt: skip


def started(load: float, noise: float, seed: int) -> list[float]:
    """Return the mean response of the first 200 tasks: mct, cold, warm, and warm from another law."""
    tasks, other = (drawn(s, load, noise, tasks=4000) for s in (seed, seed + 500))
    before, now = part(tasks, slice(0, 2000)), part(tasks, slice(2000, 4000))
    known, foreign = (raced(w, "hybrid_ml", seed)[1] for w in (before, part(other, slice(0, 2000))))
    lanes: list[tuple[str, History | None]] = [
        ("mct", None), ("hybrid_ml", None), ("hybrid_ml", known), ("hybrid_ml", foreign)
    ]  # fmt: skip
    return [float(raced(now, name, seed, history)[0][:200].mean()) for name, history in lanes]


@pytest.mark.parametrize(("load", "noise"), [(0.7, 0.1), (0.9, 0.1), (0.7, 0.3)])
def test_a_warm_start_makes_the_first_tasks_faster_and_one_from_another_law_is_forgotten(
    pool: ProcessPoolExecutor, load: float, noise: float
) -> None:
    mct, cold, warm, foreign = np.mean(list(pool.map(partial(started, load, noise), range(SEEDS))), axis=0)
    print(
        f"\nload {load}, noise {noise}, first 200 tasks: warm {warm / cold:.3f} x cold, foreign {foreign / cold:.3f} x"
    )
    assert warm <= 0.9 * cold
    assert foreign <= 1.3 * cold
    assert foreign <= mct
