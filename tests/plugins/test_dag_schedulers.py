"""The rules for task graphs: their plans hold, they keep to their definitions, and they serve random worlds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given
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
from plugins.schedulers.heft import Heft, HeftParams
from plugins.schedulers.peft import Peft, optimistic_costs
from plugins.schedulers.static_plan import Graph
from tests.engine.engine_worlds import World, devices, laws, shares_of, worlds

PLANNERS: tuple[Callable[[], Scheduler], ...] = (Heft, lambda: Heft(HeftParams(insertion=False)), Cpop, Peft)
RULES: tuple[type[Scheduler], ...] = (Cpop, Peft)


class Watched(Scheduler):
    """A rule whose placements are noted, and whose first call is looked at before it answers."""

    name = "watched"

    def __init__(self, rule: Scheduler, look: Callable[[Pending, ClusterState], None] = lambda p, s: None) -> None:
        super().__init__()
        self.rule, self.look = rule, look
        self.order_s: dict[int, float] = {}

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        self.look(pending, state)
        for placement in self.rule.place(pending, state):
            if placement.order is not None:
                self.order_s[placement.task.index] = placement.order
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
