"""The closed-form split against every split of a grid, scored here by the contract's own seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from engine_worlds import devices, laws
from hypothesis import given
from hypothesis import strategies as st

import engine.split
from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, Shares, on
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.split import Side, best_shares, best_split
from engine.state import ClusterState
from engine.task import Task
from engine.weights import Weights
from engine.workload import Workload, workload
from plugins.clusters import load_cluster
from plugins.schedulers.mct import Mct
from plugins.workload import WorkloadRequest
from plugins.workloads.synthetic import Synthetic, SyntheticParams

GRID = 32


def score(shares: Shares, task: Task, state: ClusterState) -> float:
    """Return the weighted finish, energy above idle and cost of these shares, from design.md."""
    finish_s = extra = 0.0
    for device, fraction in shares:
        spec, seconds = state.devices[device], state.seconds(task, device, fraction)
        finish_s = max(finish_s, state.available_at(device, task.slots) + seconds)
        held = seconds * task.slots / spec.slots
        extra += state.weights.energy * held * (spec.active_w - spec.idle_w)
        extra += state.weights.cost * held * spec.price_per_hour / 3600
    return state.weights.time * finish_s + extra


def every_choice(task: Task, state: ClusterState) -> Iterator[Shares]:
    """Yield every single device and every split of the grid that fits."""
    for device in state.devices:
        if state.fits(task, device.index):
            yield ((device.index, 1.0),)
    for cpu in state.by_kind["cpu"]:
        for gpu in state.by_kind["gpu"]:
            for k in range(1, GRID):
                f = k / GRID
                if task.divisible and state.fits(task, cpu.index, 1 - f) and state.fits(task, gpu.index, f):
                    yield ((cpu.index, 1 - f), (gpu.index, f))


class _Judge(Scheduler):
    """Fills the queues in turn, then judges ``best_shares`` on the last task."""

    name = "judge"

    def __init__(self) -> None:
        super().__init__()
        self.best_score = math.nan
        self.grid_score = math.nan
        self.shares: Shares = ()

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        tasks = list(pending)
        for task in tasks[:-1]:
            fitting = [d.index for d in state.devices if state.fits(task, d.index)]
            yield on(task, fitting[task.index % len(fitting)])
        self.shares = best_shares(tasks[-1], state)
        self.best_score = score(self.shares, tasks[-1], state)
        self.grid_score = min(score(shares, tasks[-1], state) for shares in every_choice(tasks[-1], state))
        yield Placement(tasks[-1], self.shares)


def judged(tasks: Workload, cluster: Cluster, weights: Weights) -> _Judge:
    judge = _Judge()
    simulation = Simulation(tasks, cluster, judge, weights=weights)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return judge


@st.composite
def cases(draw: st.DrawFn, weighted: bool = False) -> tuple[Workload, Cluster, Weights]:
    """Return queued tasks before a divisible one, on devices whose memories are short binary fractions."""
    seconds = st.floats(0.1, 20.0)
    specs = []
    for index in range(draw(st.integers(2, 4))):
        link = draw(st.booleans())
        specs.append(
            {
                "kind": "cpu" if index == 0 else draw(st.sampled_from(["cpu", "gpu", "gpu"])),
                "slots": draw(st.integers(1, 3)),
                "speed": draw(st.floats(0.5, 2.0)),
                "memory_gb": draw(st.sampled_from([1.0, 2.0, 3.0, 4.0, 8.0])) if index else 8.0,
                "link_gb_s": draw(st.floats(0.5, 16.0)) if link else None,
                "link_latency_s": draw(st.floats(0.0, 2.0)) if link else 0.0,
                "idle_w": 10.0,
                "active_w": 10.0 + draw(st.floats(0.0, 300.0)),
                "price_per_hour": draw(st.floats(0.0, 10.0)),
            }
        )
    n = draw(st.integers(1, 6))
    tasks = workload(
        "cases",
        ("cpu", "gpu"),
        [0.0] * n,
        [[draw(seconds), draw(seconds)] for _ in range(n)],
        memory_gb=draw(st.sampled_from([0.0, 1.0, 2.0, 4.0, 8.0])),
        transfer_gb=draw(st.floats(0.0, 4.0)),
        slots=1,
        divisible=True,
    )
    amounts = st.floats(0.001, 1.0) | st.just(0.0)
    time, energy, cost = draw(amounts), draw(amounts), draw(amounts) * 1000
    weights = Weights(time, energy, cost) if weighted and time + energy + cost else Weights()
    return tasks, devices(*specs), weights


@laws(120)
@given(cases())
def test_no_split_of_the_grid_on_any_pair_of_devices_finishes_earlier(case: tuple[Workload, Cluster, Weights]) -> None:
    judge = judged(*case)
    assert judge.best_score <= judge.grid_score * (1 + 1e-12)


@laws(120)
@given(cases(weighted=True))
def test_no_split_of_the_grid_has_a_better_sum_of_time_energy_and_cost(
    case: tuple[Workload, Cluster, Weights],
) -> None:
    judge = judged(*case)
    assert judge.best_score <= judge.grid_score * (1 + 1e-12)


def test_the_best_fraction_is_the_crossing_of_the_two_lines_of_the_contract() -> None:
    """f* = (A_cpu + T_cpu - A_gpu - latency) / (T_cpu + T_gpu + transfer / link)."""
    tasks = workload("one", ("cpu", "gpu"), [0.0], [[10.0, 4.0]], transfer_gb=3.0, divisible=True)
    pair = devices({}, {"kind": "gpu", "link_gb_s": 2.0, "link_latency_s": 0.5})
    judge = judged(tasks, pair, Weights())
    gpu_fraction = (10.0 - 0.5) / (10.0 + 4.0 + 3.0 / 2.0)
    assert judge.shares == ((0, pytest.approx(1 - gpu_fraction)), (1, pytest.approx(gpu_fraction)))
    assert judge.best_score == pytest.approx(10.0 * (1 - gpu_fraction))


def test_memory_moves_the_split_to_its_limit_and_never_beyond() -> None:
    tasks = workload("one", ("cpu", "gpu"), [0.0], [[10.0, 1.0]], memory_gb=8.0, divisible=True)
    judge = judged(tasks, devices({}, {"kind": "gpu", "memory_gb": 2.0}), Weights())
    assert judge.shares == ((0, 0.75), (1, 0.25))


def test_a_split_at_the_limit_of_memory_is_legal_for_any_sizes() -> None:
    """(a / b) * b exceeds a by one bit in several percent of all sizes."""
    n = 300
    seconds = np.column_stack([np.full(n, 10.0), np.where(np.arange(n) % 2, 1.0, 100.0)])
    memory_gb = np.random.default_rng(1).uniform(16.5, 40.0, n)
    tasks = workload("limit", ("cpu", "gpu"), np.arange(n) * 1e3, seconds, memory_gb=memory_gb, divisible=True)
    simulation = Simulation(tasks, devices({"memory_gb": 24.0}, {"kind": "gpu", "memory_gb": 16.0}), Mct())
    simulation.advance()
    assert simulation.status == "finished", simulation.reason


def test_a_tie_goes_to_the_single_device_and_then_to_the_lowest_index() -> None:
    tasks = workload("one", ("cpu", "gpu"), [0.0], [[1.0, 1.0]], divisible=False)
    assert judged(tasks, devices({}, {"kind": "gpu"}, {}), Weights()).shares == ((0, 1.0),)


def test_there_is_no_split_where_the_two_memories_together_are_too_small() -> None:
    cpu = Side(0, "cpu", 0.0, 1.0, max_fraction=0.4)
    gpu = Side(1, "gpu", 0.0, 1.0, max_fraction=0.5)
    assert best_split(cpu, gpu, Weights()) is None
    assert best_split(cpu, gpu, Weights(energy=1.0)) is None
    assert best_split(cpu._replace(seconds=math.inf), gpu._replace(max_fraction=1.0), Weights()) is None


@pytest.mark.parametrize("load", [0.3, 0.9])
def test_the_usual_case_without_objects_places_every_task_as_the_general_one(
    load: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = load_cluster("mixed_rack")
    tasks = Synthetic(SyntheticParams(divisible=0.7)).load(WorkloadRequest(cluster, seed=3, tasks=1500, load=load))
    digests, general = [], 0

    def generally(task: Task, state: ClusterState) -> Shares:
        nonlocal general
        general += 1
        return engine.split.best_of(engine.split.sides(task, state), task.divisible, state.weights)

    for replaced in (False, True):
        if replaced:
            monkeypatch.setattr(engine.split, "_soonest_shares", generally)
        simulation = Simulation(tasks, cluster, Mct())
        simulation.advance()
        assert simulation.status == "finished"
        digests.append(simulation.ledger.digest())
    assert general == 1500
    assert digests[0] == digests[1]


@laws(120)
@given(
    st.tuples(*[st.floats(0.0, 5.0)] * 2),
    st.tuples(*[st.floats(0.1, 10.0)] * 2),
    st.tuples(*[st.floats(0.0, 3.0)] * 2),
    st.floats(0.01, 2.0),
)
def test_no_split_of_the_grid_is_better_where_a_busy_second_makes_others_wait(
    ready_s: tuple[float, float], seconds: tuple[float, float], delay: tuple[float, float], time: float
) -> None:
    cpu = Side(0, "cpu", ready_s[0], seconds[0], delay=delay[0])
    gpu = Side(1, "gpu", ready_s[1], seconds[1], delay=delay[1])

    def scored(f: float) -> float:
        on_cpu_s, on_gpu_s = (1 - f) * seconds[0], f * seconds[1]
        ends_s = [ready_s[0] + on_cpu_s] * (f < 1) + [ready_s[1] + on_gpu_s] * (f > 0)
        return time * (max(ends_s) + delay[0] * on_cpu_s + delay[1] * on_gpu_s)

    shares = engine.split.best_of([cpu, gpu], True, Weights(time))
    best = scored(dict(shares).get(1, 0.0))
    assert best <= min(scored(k / GRID) for k in range(GRID + 1)) * (1 + 1e-12)
