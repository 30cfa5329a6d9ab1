"""The rules for task graphs: their plans hold, they keep to their definitions, and they serve random worlds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.cluster import Cluster, Link
from engine.completion import Completion
from engine.pending import Pending
from engine.placement import Placement
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.task import TaskColumns
from engine.workload import Workload, workload
from plugins.fitting import check_fits
from plugins.schedulers.cpop import Cpop
from plugins.schedulers.dmda import Dmda
from plugins.schedulers.heft import Heft, HeftParams
from plugins.schedulers.heteroprio import HeteroPrio
from plugins.schedulers.peft import Peft, optimistic_costs
from plugins.schedulers.static_plan import Graph
from plugins.schedulers.work_stealing import WorkStealing
from tests.engine.engine_worlds import World, devices, laws, shares_of, worlds

PLANNERS: tuple[Callable[[], Scheduler], ...] = (Heft, lambda: Heft(HeftParams(insertion=False)), Cpop, Peft)
RULES: tuple[type[Scheduler], ...] = (Cpop, Peft, WorkStealing, Dmda, HeteroPrio)


class Watched(Scheduler):
    """A rule whose calls and whose placements are looked at before they take effect."""

    name = "watched"

    def __init__(
        self,
        rule: Scheduler,
        look: Callable[[Pending, ClusterState], None] = lambda pending, state: None,
        check: Callable[[Placement, Pending, ClusterState], None] = lambda placement, pending, state: None,
    ) -> None:
        super().__init__()
        self.rule, self.look, self.check = rule, look, check
        self.order_s: dict[int, float] = {}

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        self.look(pending, state)
        for placement in self.rule.place(pending, state):
            if placement.order is not None:
                self.order_s[placement.task.index] = placement.order
            self.check(placement, pending, state)
            yield placement

    def observe(self, completion: Completion) -> None:
        self.rule.observe(completion)


def run(tasks: Workload, cluster: Cluster, rule: Scheduler, estimator: str = "nominal") -> Simulation:
    simulation = Simulation(tasks, cluster, rule, estimator)
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    return simulation


def random_graph(n: int, processors: int, seed: int) -> tuple[Workload, Cluster]:
    """Return n tasks of at most two parents each and as many unequal processors with a link between them."""
    rng = np.random.default_rng(seed)
    parents = [sorted({int(p) for p in rng.integers(0, i, min(i, 2))}) if i else [] for i in range(n)]
    gb = [[float(rng.integers(0, 30)) for _ in row] for row in parents]
    models = tuple(f"p{i}" for i in range(processors))
    seconds = rng.integers(1, 20, (n, processors)).astype(float)
    tasks = workload("graph", models, np.zeros(n), seconds, parents=parents, parents_gb=gb)
    link = Link(gb_s=1.0, latency_s=float(rng.integers(0, 2)))
    return tasks, devices(*({"model": model} for model in models), link=link)


@pytest.mark.parametrize("rule", RULES)
@laws(40)
@given(worlds(exact=False), worlds(graph=True, data=True, exact=False))
def test_every_rule_finishes_every_workload_that_it_does_not_decline(
    rule: type[Scheduler], independent: World, graph: World
) -> None:
    for world in (independent, graph):
        check_fits(world.tasks, world.cluster)
        reason = rule.declines(TaskColumns(world.tasks), world.cluster)
        if reason is None:
            run(world.tasks, world.cluster, rule(seed=1))
        else:
            assert rule.name in reason


@pytest.mark.parametrize("rule", PLANNERS)
@laws(40)
@given(st.integers(1, 25), st.integers(1, 4), st.integers(0, 10**6))
def test_a_plan_runs_exactly_as_made_when_the_times_are_known(
    rule: Callable[[], Scheduler], n: int, processors: int, seed: int
) -> None:
    tasks, cluster = random_graph(n, processors, seed)
    watched = Watched(rule())
    simulation = run(tasks, cluster, watched)
    assert {task: start_s for task, _, _, start_s, _ in shares_of(simulation)} == pytest.approx(watched.order_s)


@laws(40)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 10**6))
def test_the_optimistic_costs_are_equation_5_of_the_paper(n: int, processors: int, seed: int) -> None:
    tasks, cluster = random_graph(n, processors, seed)
    seconds, link = tasks.etc_s.tolist(), cluster.link

    def oct_s(i: int, p: int) -> float:
        worst = 0.0
        for edge, parent in enumerate(tasks.parent_index.tolist()):
            if parent == i:
                j = int(np.searchsorted(tasks.parent_start, edge, side="right")) - 1
                c = link.latency_s + tasks.parent_gb[edge] / link.gb_s
                ways = [oct_s(j, q) + seconds[j][q] + (0.0 if q == p else c) for q in range(processors)]
                worst = max(worst, min(ways))
        return worst

    def look(pending: Pending, state: ClusterState) -> None:
        table = optimistic_costs(Graph(pending, state))
        assert table == {i: pytest.approx([oct_s(i, p) for p in range(processors)]) for i in range(n)}

    run(tasks, cluster, Watched(Peft(), look))


@laws(40)
@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 10**6))
def test_all_of_a_longest_path_runs_on_one_device_under_cpop(n: int, processors: int, seed: int) -> None:
    """The path, its length and its device are found here by trying all paths, on mean costs."""
    tasks, cluster = random_graph(n, processors, seed)
    mean_s, link = tasks.etc_s.mean(axis=1), cluster.link
    paths: dict[int, list[tuple[float, tuple[int, ...]]]] = {}  # all that end in a task
    for i in range(n):
        span = range(tasks.parent_start[i], tasks.parent_start[i + 1])
        edges = [(int(tasks.parent_index[e]), link.latency_s + tasks.parent_gb[e] / link.gb_s) for e in span]
        before = [(length + c, path) for p, c in edges for length, path in paths[p]] or [(0.0, ())]
        paths[i] = [(length + mean_s[i], (*path, i)) for length, path in before]
    every = [path for ending in paths.values() for path in ending]
    longest = max(length for length, _ in every)
    where = {task: device for task, device, *_ in shares_of(run(tasks, cluster, Cpop()))}
    fastest = [
        {int(d) for d in np.flatnonzero(total <= total.min() + 1e-9)}
        for length, path in every
        if length >= longest - 1e-9
        for total in [tasks.etc_s[list(path)].sum(axis=0)]
    ]
    on = [{where[i] for i in path} for length, path in every if length >= longest - 1e-9]
    assert any(len(used) == 1 and used <= best for used, best in zip(on, fastest, strict=True))


@pytest.mark.parametrize("rule", (Heft, Cpop, Peft))
def test_planners_decline_what_their_plan_cannot_hold(rule: type[Scheduler]) -> None:
    late = workload("late", ("cpu",), [0.0, 1.0], [[1.0]] * 2)
    assert "arrive over time" in str(rule.declines(TaskColumns(late), devices({})))
    wide = workload("wide", ("cpu",), [0.0], [[1.0]], slots=2)
    assert "one slot" in str(rule.declines(TaskColumns(wide), devices({"slots": 2})))


def test_a_task_of_the_critical_path_that_its_device_cannot_run_goes_elsewhere() -> None:
    """Three in a row; no device can run all, and the last is barred from the one that is faster for the others."""
    seconds = [[1.0, math.inf], [1.0, 9.0], [math.inf, 9.0]]
    tasks = workload("chain", ("cpu", "gpu"), np.zeros(3), seconds, parents=[[], [0], [1]])
    simulation = run(tasks, devices({}, {"kind": "gpu"}), Cpop())
    assert [device for _, device, *_ in sorted(shares_of(simulation))] == [0, 0, 1]


def test_without_insertion_heft_leaves_gaps_open() -> None:
    """b waits 10 s for the data of a; c, of lower rank, takes that gap only with insertion."""
    tasks = workload(
        "gap", ("p", "q"), np.zeros(3), [[1.0, math.inf], [math.inf, 20.0], [math.inf, 5.0]],
        parents=[[], [0], []], parents_gb=[[], [10.0], []],
    )  # fmt: skip
    cluster = devices({"model": "p"}, {"model": "q"}, link=Link(gb_s=1.0))
    assert run(tasks, cluster, Heft()).now_s == 31.0
    assert run(tasks, cluster, Heft(HeftParams(insertion=False))).now_s == 36.0


@laws(60)
@given(worlds(graph=True, data=True, exact=False))
def test_dmda_puts_every_task_once_it_is_ready_where_it_is_believed_to_finish_first(world: World) -> None:
    def check(placement: Placement, pending: Pending, state: ClusterState) -> None:
        task, ((device, _),) = placement.task, placement.shares
        assert task is next(pending.ready())
        finish_s = {
            d.index: max(state.available_at(d.index, task.slots), state.data_ready(task, d.index))
            + state.seconds(task, d.index)
            for d in state.devices
            if state.fits(task, d.index)
        }
        assert finish_s[device] == pytest.approx(min(finish_s.values()))

    assume(Dmda.declines(TaskColumns(world.tasks), world.cluster) is None)
    run(world.tasks, world.cluster, Watched(Dmda(), check=check))


@pytest.mark.parametrize("rule", (WorkStealing, HeteroPrio))
@laws(60)
@given(worlds(graph=True, data=True, exact=False))
def test_ready_tasks_are_kept_back_until_a_device_has_room(rule: type[Scheduler], world: World) -> None:
    def check(placement: Placement, pending: Pending, state: ClusterState) -> None:
        task, ((device, _),) = placement.task, placement.shares
        assert state.ready(task)
        assert state.free_slots(device) >= task.slots + state.queue_length(device)
        assert state.free_memory(device) >= task.memory_gb

    assume(rule.declines(TaskColumns(world.tasks), world.cluster) is None)
    run(world.tasks, world.cluster, Watched(rule(), check=check))


def test_a_device_works_off_what_it_released_newest_first_and_a_thief_takes_the_oldest() -> None:
    """Task 0 releases 1, 2, 3 on device 0 at 1 s: it takes the newest, 3, and device 1 steals the oldest, 1; at 3 s
    device 0, which comes first at a tie of finishes, takes the 2 that is left."""
    tasks = workload("fan", ("cpu",), np.zeros(4), [[1.0], [2.0], [2.0], [2.0]], parents=[[], [0], [0], [0]])
    simulation = run(tasks, devices({}, {}), WorkStealing())
    got = {task: (device, start_s) for task, device, _, start_s, _ in shares_of(simulation)}
    assert got == {0: (0, 0.0), 3: (0, 1.0), 1: (1, 1.0), 2: (0, 3.0)}


def test_a_thief_robs_the_longest_deque() -> None:
    """Six tasks are dealt in turn to three devices; device 2 has the short ones and is done at 2 s. Device 0 then holds
    nothing, device 1 one task, which goes to the thief."""
    seconds = [[1.5], [9.0], [1.0], [1.5], [9.0], [1.0]]
    simulation = run(workload("six", ("cpu",), np.zeros(6), seconds), devices({}, {}, {}), WorkStealing())
    got = {task: (device, start_s) for task, device, _, start_s, _ in shares_of(simulation)}
    # the newest of its own first: 3, 4, 5; then 0, 1, 2
    assert got == {3: (0, 0.0), 4: (1, 0.0), 5: (2, 0.0), 0: (0, 1.5), 2: (2, 1.0), 1: (2, 2.0)}


def test_a_chain_stays_on_the_device_that_began_it_under_work_stealing() -> None:
    tasks = workload("chain", ("cpu",), np.zeros(9), [[1.0]] * 9, parents=[[], *([i] for i in range(8))])
    assert {device for _, device, *_ in shares_of(run(tasks, devices({}, {}, {}), WorkStealing()))} == {0}


def test_heteroprio_gives_a_gpu_the_most_and_a_cpu_the_least_accelerated_task() -> None:
    """Accelerations 2, 8, 1, 4, and the same once more: enough ready tasks that the CPU may take the first."""
    gpu_s = [4.0, 1.0, 8.0, 2.0, 4.0, 1.0, 8.0, 2.0]
    tasks = workload("mix", ("cpu", "gpu"), np.zeros(8), [[8.0, s] for s in gpu_s])
    simulation = run(tasks, devices({}, {"kind": "gpu"}), HeteroPrio())
    order = sorted((start_s, task, device) for task, device, _, start_s, _ in shares_of(simulation))
    on_gpu = [task for _, task, device in order if device == 1]
    on_cpu = [task for _, task, device in order if device == 0]
    assert on_gpu == [1, 5, 3, 7, 0, 4]
    assert on_cpu == [2, 6]


def test_heteroprio_keeps_a_task_from_the_slower_kind_while_the_faster_one_is_done_sooner_with_all() -> None:
    """Two tasks, eight times slower on the CPU: it stays idle, since the GPU is done with both before."""
    tasks = workload("two", ("cpu", "gpu"), np.zeros(2), [[8.0, 1.0]] * 2)
    simulation = run(tasks, devices({}, {"kind": "gpu"}), HeteroPrio())
    assert {device for _, device, *_ in shares_of(simulation)} == {1}
    assert simulation.now_s == 2.0


def test_heteroprio_needs_both_kinds() -> None:
    tasks = workload("one", ("cpu",), [0.0], [[1.0]])
    assert "one kind only" in str(HeteroPrio.declines(TaskColumns(tasks), devices({}, {})))


@pytest.mark.parametrize("rule", (WorkStealing, HeteroPrio))
def test_a_backlog_costs_the_same_per_task_however_long_it_is(rule: type[Scheduler]) -> None:
    """Counted in ready tasks looked at, not in seconds: a walk over all that wait would square it."""
    looked = 0

    class Counting(rule):  # type: ignore[misc, valid-type]
        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            nonlocal looked
            ready = state.ready

            class State:
                def __getattr__(self, name: str) -> object:
                    return getattr(state, name)

                def ready(self, task: object) -> bool:
                    nonlocal looked
                    looked += 1
                    return ready(task)  # type: ignore[arg-type]

            return super().place(pending, State())

    n = 2000
    arrival_s = np.arange(n) * 0.01
    tasks = workload("late", ("cpu", "gpu"), arrival_s, np.full((n, 2), [1.0, 0.5]))
    run(tasks, devices({}, {"kind": "gpu"}), Counting())
    assert looked == n


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_child_too_short_to_be_seen_beside_its_parent_is_planned_after_it(planner: Callable[[], Scheduler]) -> None:
    seconds = [[1e-9], [1e10]]  # 1e10 + 1e-9 is 1e10: both have one rank
    tasks = workload("tiny child", ("cpu",), [0.0, 0.0], seconds, parents=[[1], []])
    simulation = Simulation(tasks, devices({}), planner())
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
