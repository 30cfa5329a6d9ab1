"""HEFT on the same task graphs through SchedRace and SAGA, side by side.

SAGA plans; SchedRace's rule plans through the scheduler contract, all checks included, and then the plan is simulated.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from engine.cluster import Cluster, Device, Link
from engine.metrics import finished_by
from engine.simulation import Simulation
from engine.workload import workload
from plugins.schedulers import static_plan
from plugins.schedulers.heft import Heft
from tests.benchmarks.peer_environment import peer
from tests.benchmarks.timing import seconds_of

pytestmark = pytest.mark.benchmark

NODES = 12


@dataclass(frozen=True)
class Graph:
    """Tasks with 1 to 3 parents each, one entry and one exit, and nodes of different speed one GB/s apart."""

    cost: list[float]
    parents: list[list[int]]
    parents_gb: list[list[float]]
    speed: list[float]


def random_graph(seed: int, tasks: int = 1000) -> Graph:
    rng = np.random.default_rng(seed)
    parents: list[list[int]] = [[]]
    for task in range(1, tasks - 1):
        near = np.arange(max(0, task - 50), task)
        parents.append(sorted(rng.choice(near, min(len(near), int(rng.integers(1, 4))), replace=False).tolist()))
    parents.append(sorted(set(range(tasks - 1)) - {parent for row in parents for parent in row}))
    return Graph(
        rng.uniform(1.0, 20.0, tasks).tolist(),
        parents,
        [rng.uniform(0.1, 10.0, len(row)).tolist() for row in parents],
        rng.uniform(0.5, 2.0, NODES).tolist(),
    )


class Run(NamedTuple):
    """Seconds until the plan stood, seconds until it was simulated too, and the makespan."""

    plan_s: float
    all_s: float
    makespan_s: float


def our_heft(given: Graph) -> Run:
    count = len(given.cost)
    cost = [[seconds] for seconds in given.cost]
    tasks = workload("graph", ["cpu"], np.zeros(count), cost, parents=given.parents, parents_gb=given.parents_gb)
    nodes = tuple(Device(i, f"n{i}", "cpu", "cpu", speed=speed) for i, speed in enumerate(given.speed))
    runs: list[Simulation] = []

    def plan() -> None:
        runs.append(Simulation(tasks, Cluster("nodes", nodes, Link(gb_s=1.0)), Heft()))
        runs[0].advance(events=1)

    plan_s = seconds_of(plan)
    rest_s = seconds_of(runs[0].advance)
    done = finished_by("", runs[0])
    assert len(done.task) == count
    return Run(plan_s, plan_s + rest_s, float(done.finish_s.max()))


def saga_heft(given: Graph) -> Run:
    edges = [
        (parent, child, gb)
        for child, (row, sizes) in enumerate(zip(given.parents, given.parents_gb, strict=True))
        for parent, gb in zip(row, sizes, strict=True)
    ]
    answer = peer("saga_heft.py", {"cost": given.cost, "edges": edges, "speed": given.speed, "link_gb_s": 1.0})
    return Run(answer["seconds"], answer["seconds"], answer["makespan_s"])


def ranks_as_saga_has_them(self: static_plan.Graph) -> dict[int, float]:
    """Upward ranks whose mean communication counts each node's link to itself, over which data take no time.

    The paper (Topcuoglu et al. 2002, eq. 3 and 5) averages over the links between processors.
    """
    share = (NODES - 1) / (NODES + 1)  # of n (n + 1) / 2 links, n (n - 1) / 2 lie between two nodes
    rank: dict[int, float] = {}
    for task in reversed(self.order):
        onward = (share * transfer_s + rank[child] for child, transfer_s in self.children[task])
        rank[task] = self.mean_s[task] + max(onward, default=0.0)
    return rank


def test_heft_plans_1000_tasks_30_times_as_fast_as_saga_and_to_the_same_makespan_with_its_ranks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = [(our_heft(given), saga_heft(given)) for given in map(random_graph, range(5))]
    ratio = statistics.median(saga.plan_s / mine.plan_s for mine, saga in rounds)
    whole = statistics.median(saga.plan_s / mine.all_s for mine, saga in rounds)
    mine_s, saga_s = (statistics.median(a_round[who].plan_s for a_round in rounds) for who in (0, 1))
    print(
        f"\nHEFT, 1000 tasks, 12 nodes: {1000 / mine_s:.0f} tasks/s planned, SAGA {1000 / saga_s:.0f}: x{ratio:.0f}; "
        f"x{whole:.0f} planned and simulated"
    )
    monkeypatch.setattr(static_plan.Graph, "upward_ranks", ranks_as_saga_has_them)
    for seed, (_, saga) in enumerate(rounds):
        assert our_heft(random_graph(seed)).makespan_s == pytest.approx(saga.makespan_s, rel=1e-12)
    assert ratio >= 30  # the target is 40: 40 to 55 were measured, 30 beside other work


def test_heft_with_the_papers_ranks_is_on_average_no_slower_than_with_those_of_saga(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graphs = [random_graph(seed) for seed in range(60)]
    paper = [our_heft(given).makespan_s for given in graphs]
    monkeypatch.setattr(static_plan.Graph, "upward_ranks", ranks_as_saga_has_them)
    saga = [our_heft(given).makespan_s for given in graphs]
    ratios = np.array(paper) / np.array(saga)
    error = ratios.std(ddof=1) / np.sqrt(len(ratios))
    print(f"\nHEFT's makespan with the paper's ranks: {ratios.mean():.4f} ± {error:.4f} of that with SAGA's")
    assert ratios.mean() <= 1.0
