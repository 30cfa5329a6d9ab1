"""The built-in rules, each against its definition written out here, and all of them on random worlds."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.cluster import Cluster, Link
from engine.estimator import Estimator
from engine.pending import Pending
from engine.placement import Placement
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from engine.weights import Weights
from engine.workload import Workload, workload
from plugins.fitting import check_fits
from plugins.schedulers import schedrace_schedulers
from plugins.schedulers.bandit import Bandit, BanditParams
from plugins.schedulers.cpu_only import CpuOnly
from plugins.schedulers.gpu_only import GpuOnly
from plugins.schedulers.heft import Heft
from plugins.schedulers.hybrid_fraction import HybridFraction
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met
from plugins.schedulers.random import Random
from plugins.schedulers.rl_agent import RlAgent, RlParams
from plugins.schedulers.round_robin import RoundRobin
from tests.engine.engine_worlds import World, contract_seconds, devices, laws, shares_of, worlds

ALL: tuple[type[Scheduler], ...] = tuple(schedrace_schedulers())


def run(tasks: Workload, cluster: Cluster, scheduler: Scheduler, estimator: Any = "nominal", **more: Any) -> Simulation:
    simulation = Simulation(tasks, cluster, scheduler, estimator, **more)
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    return simulation


def devices_used(simulation: Simulation) -> list[int]:
    return [device for _, device, *_ in shares_of(simulation)]


def many(n: int = 300, seed: int = 2, **more: Any) -> Workload:
    rng = np.random.default_rng(seed)
    arrival_s = np.cumsum(rng.exponential(0.5, n))
    return workload("many", ("cpu", "gpu"), arrival_s, rng.lognormal(0, 1, (n, 2)), **more)


def batch(n: int = 50, **more: Any) -> Workload:
    return workload("batch", ("cpu", "gpu"), np.zeros(n), many(n).actual_s, **{"divisible": True, **more})


PAIR = devices({}, {"kind": "gpu", "active_w": 200.0, "price_per_hour": 3.0})
MIXED = devices(
    {}, {"slots": 2, "speed": 0.8}, {"kind": "gpu", "link_gb_s": 8.0, "link_latency_s": 0.05}, {"kind": "gpu"}
)


@pytest.mark.parametrize("rule", ALL)
@laws(40)
@given(worlds(exact=False), worlds(graph=True, data=True, exact=False), st.booleans())
def test_every_rule_finishes_every_workload_that_it_does_not_decline(
    rule: type[Scheduler], independent: World, graph: World, with_energy: bool
) -> None:
    for world in (independent, graph):
        check_fits(world.tasks, world.cluster)
        reason = rule.declines(TaskColumns(world.tasks), world.cluster)
        if reason is None:
            run(world.tasks, world.cluster, rule(seed=1), weights=Weights(energy=0.01 * with_energy, cost=0.1))
        else:
            assert rule.name in reason


@pytest.mark.parametrize("rule", ALL)
def test_every_rule_serves_a_task_that_only_fits_split_or_declines_it(rule: type[Scheduler]) -> None:
    tasks = workload("spread", ("cpu", "gpu"), [0, 0], [[4, 1]] * 2, memory_gb=[6, 1], divisible=True)
    for cluster in (
        devices({"memory_gb": 4.0}, {"kind": "gpu", "memory_gb": 4.0}),
        devices({"memory_gb": 4.0}, {"memory_gb": 4.0}),
    ):
        check_fits(tasks, cluster)
        if rule.declines(TaskColumns(tasks), cluster) is None:
            run(tasks, cluster, rule())


@pytest.mark.parametrize("rule", ALL)
def test_every_rule_gives_the_same_bits_again_and_keeps_no_state_between_instances(rule: type[Scheduler]) -> None:
    tasks, cluster = next(
        (tasks, cluster)
        for tasks, cluster in (
            (many(divisible=True), MIXED), (batch(), PAIR), (batch(deadline_s=50.0), PAIR), (many(), MIXED),
        )
        if rule.declines(TaskColumns(tasks), cluster) is None
    )  # fmt: skip
    digests = {run(tasks, cluster, rule(seed=9)).ledger.digest() for _ in range(2)}
    assert len(digests) == 1


def test_round_robin_deals_in_turn_and_skips_where_a_task_cannot_run() -> None:
    actual_s = np.ones((9, 2))
    actual_s[4, 1] = math.inf  # its turn would be device 1, the GPU
    tasks = workload("turns", ("cpu", "gpu"), np.arange(9), actual_s)
    cluster = devices({}, {"kind": "gpu"}, {})
    assert devices_used(run(tasks, cluster, RoundRobin())) == [0, 1, 2, 0, 2, 0, 1, 2, 0]


def test_random_draws_all_that_fit_equally_often_and_the_seed_decides() -> None:
    tasks = workload("lots", ("cpu", "gpu"), np.arange(3000) * 2.0, np.ones((3000, 2)), memory_gb=2.0)
    cluster = devices({}, {"memory_gb": 1.0}, {"kind": "gpu"}, {})
    drawn = devices_used(run(tasks, cluster, Random(seed=4)))
    counts = Counter(drawn)
    assert set(counts) == {0, 2, 3}
    assert all(abs(count - 1000) < 4 * math.sqrt(3000 * 2 / 9) for count in counts.values())
    assert devices_used(run(tasks, cluster, Random(seed=5))) != drawn


class Hopeless(Estimator):
    """Believes that nothing can run."""

    name = "hopeless"

    def seconds(self, task: Task) -> list[float]:
        return [math.inf] * len(self.context.models)


@pytest.mark.parametrize("rule", [Met, Mct, CpuOnly])
def test_a_rule_that_believes_a_task_to_run_nowhere_is_disqualified(rule: type[Scheduler]) -> None:
    tasks = workload("one", ("cpu", "gpu"), [0.0], np.ones((1, 2)))
    simulation = Simulation(tasks, devices({}, {"kind": "gpu"}), rule(), Hopeless)
    simulation.advance()
    assert simulation.status == "disqualified"


def test_met_takes_the_fastest_device_however_long_its_queue_and_equal_ones_in_turn() -> None:
    tasks = workload("same", ("cpu", "gpu"), np.zeros(6), [[5.0, 1.0]] * 6)
    cluster = devices({}, {"kind": "gpu"}, {"kind": "gpu"})
    assert devices_used(run(tasks, cluster, Met())) == [1, 2, 1, 2, 1, 2]


@pytest.mark.parametrize(("rule", "kind"), [(CpuOnly, "cpu"), (GpuOnly, "gpu")])
def test_one_kind_uses_its_kind_alone_where_a_task_finishes_first(rule: type[Scheduler], kind: str) -> None:
    simulation = run(many(), MIXED, rule())
    assert {MIXED.devices[d].kind for d in devices_used(simulation)} == {kind}
    assert len(set(devices_used(simulation))) == 2


def test_one_kind_declines_a_cluster_without_it_and_a_task_too_large_for_it() -> None:
    cpus = devices({"memory_gb": 4.0})
    small, large = many(3), many(3, memory_gb=5.0)
    assert "GPU" in str(GpuOnly.declines(TaskColumns(small), cpus))
    assert "task 0" in str(CpuOnly.declines(TaskColumns(large), cpus))
    assert CpuOnly.declines(TaskColumns(small), cpus) is None


class _Checked(Scheduler):
    """Lets a rule decide and compares each placement with a brute force on the state before it."""

    name = "checked"

    def __init__(self, rule: Scheduler, check: Callable[[Placement, ClusterState], None]) -> None:
        super().__init__()
        self.rule = rule
        self.check = check
        self.checks = 0

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for placement in self.rule.place(pending, state):
            self.check(placement, state)
            self.checks += 1
            yield placement


@laws(60)
@given(worlds(exact=False) | worlds(graph=True, data=True, exact=False))
def test_mct_puts_an_indivisible_task_where_it_is_believed_to_finish_first_ties_to_the_lowest(world: World) -> None:
    def check(placement: Placement, state: ClusterState) -> None:
        task = placement.task
        if task.divisible:
            return
        finish_s = {
            d.index: max(state.available_at(d.index, task.slots), state.data_ready(task, d.index))
            + contract_seconds(world, task.index, d.index, 1.0, world.tasks.etc_s)
            for d in state.devices
            if state.fits(task, d.index)
        }
        ((chosen, _),) = placement.shares
        assert finish_s[chosen] == pytest.approx(min(finish_s.values()), rel=1e-12)

    assume(Mct.declines(TaskColumns(world.tasks), world.cluster) is None)
    checked = _Checked(Mct(), check)
    run(world.tasks, world.cluster, checked)
    assert checked.checks == len(world.tasks)


def test_mct_true_knows_what_nominal_does_not() -> None:
    rng = np.random.default_rng(1)
    actual_s = rng.lognormal(0, 1, (200, 2))
    wrong = workload("wrong", ("cpu", "gpu"), np.arange(200) * 0.4, actual_s, etc_s=actual_s[:, ::-1])
    response_s = {}
    for estimator in ("nominal", "true"):
        simulation = run(wrong, devices({}, {"kind": "gpu"}), Mct(), estimator)
        response_s[estimator] = float((simulation.ledger.parts().end_s - wrong.arrival_s).mean())
    assert response_s["true"] < 0.7 * response_s["nominal"]


def test_mct_follows_the_weights_of_the_race() -> None:
    tasks = workload("one", ("cpu", "gpu"), [0.0], [[2.0, 1.0]])
    cluster = devices({"active_w": 10.0}, {"kind": "gpu", "active_w": 500.0})
    assert devices_used(run(tasks, cluster, Mct())) == [1]
    assert devices_used(run(tasks, cluster, Mct(), weights=Weights(energy=1.0))) == [0]


@laws(60)
@given(st.integers(1, 25), st.integers(1, 4), st.integers(0, 10**6))
def test_heft_runs_exactly_as_it_planned_when_the_times_are_known(n: int, processors: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = [sorted({int(p) for p in rng.integers(0, i, min(i, 2))}) if i else [] for i in range(n)]
    gb = [[float(rng.integers(0, 30)) for _ in row] for row in parents]
    models = tuple(f"p{i}" for i in range(processors))
    seconds = rng.integers(1, 20, (n, processors)).astype(float)
    tasks = workload("graph", models, np.zeros(n), seconds, parents=parents, parents_gb=gb)
    cluster = devices(*({"model": model} for model in models), link=Link(gb_s=1.0, latency_s=float(rng.integers(0, 2))))
    planned: dict[int, float] = {}

    def note(placement: Placement, state: ClusterState) -> None:
        assert placement.order is not None
        planned[placement.task.index] = placement.order

    simulation = run(tasks, cluster, _Checked(Heft(), note))
    assert {task: start_s for task, _, _, start_s, _ in shares_of(simulation)} == pytest.approx(planned)


def test_heft_declines_what_its_plan_cannot_hold() -> None:
    one_slot = devices({})
    assert "arrive over time" in str(Heft.declines(TaskColumns(many(3)), one_slot))
    wide = workload("wide", ("cpu",), [0.0], [[1.0]], slots=2)
    assert "one slot" in str(Heft.declines(TaskColumns(wide), devices({"slots": 2})))


def test_rl_agent_begins_as_mct_and_stays_it_while_it_trusts_the_heuristic_alone() -> None:
    tasks = many(200, divisible=True, transfer_gb=0.1)
    params = RlParams(exploration=0.0, trust=1e15)
    assert run(tasks, MIXED, RlAgent(params)).ledger.digest() == run(tasks, MIXED, Mct()).ledger.digest()


def test_rl_agent_explores_by_its_seed() -> None:
    tasks = many(200, divisible=True)
    params = RlParams(exploration=0.5)
    digests = [run(tasks, MIXED, RlAgent(params, seed)).ledger.digest() for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def liar() -> Workload:
    """The GPUs are ten times slower than they say."""
    rng = np.random.default_rng(6)
    etc_s = rng.lognormal(0, 0.5, (1500, 2)) * [1.0, 0.6]
    arrival_s = np.cumsum(rng.exponential(0.8, 1500))
    return workload("liar", ("cpu", "gpu"), arrival_s, etc_s * [1.0, 10.0], etc_s=etc_s)


def late_response_s(tasks: Workload, cluster: Cluster, scheduler: Scheduler) -> float:
    parts = run(tasks, cluster, scheduler).ledger.parts()
    finish_s = np.zeros(len(tasks))
    np.maximum.at(finish_s, parts.task, parts.end_s)
    return float((finish_s - tasks.arrival_s)[len(tasks) // 3 :].mean())


def test_rl_agent_learns_from_its_rewards_which_kind_not_to_trust() -> None:
    tasks, cluster = liar(), devices({}, {}, {"kind": "gpu"})
    assert late_response_s(tasks, cluster, RlAgent(seed=3)) < 0.5 * late_response_s(tasks, cluster, Mct())


def test_bandit_begins_as_mct_and_explores_without_chance() -> None:
    tasks = many(200, divisible=True, transfer_gb=0.1)
    certain = Bandit(BanditParams(trust=1e15))
    assert run(tasks, MIXED, certain).ledger.digest() == run(tasks, MIXED, Mct()).ledger.digest()
    wrong, cluster = liar(), devices({}, {}, {"kind": "gpu"})
    digests = [run(wrong, cluster, Bandit(seed=seed)).ledger.digest() for seed in (1, 2)]
    assert digests[0] == digests[1] != run(wrong, cluster, Bandit(BanditParams(optimism=0.0))).ledger.digest()


def test_bandit_learns_from_its_rewards_which_kind_not_to_trust() -> None:
    tasks, cluster = liar(), devices({}, {}, {"kind": "gpu"})
    assert late_response_s(tasks, cluster, Bandit()) < 0.5 * late_response_s(tasks, cluster, Mct())


def test_hybrid_fraction_learns_the_fraction_that_balances_both_sides() -> None:
    """A task of kind 0 is as fast on either side, one of kind 1 nine times faster on the GPU."""
    n = 400
    kind = np.arange(n) % 2
    seconds = np.where(kind[:, None] == 0, [1.0, 1.0], [9.0, 1.0])
    tasks = workload("two", ("cpu", "gpu"), np.arange(n) * 9.0, seconds, features=kind[:, None],
                     feature_names=("kind",), divisible=True)  # fmt: skip
    parts = run(tasks, devices({}, {"kind": "gpu"}), HybridFraction()).ledger.parts()
    on_gpu = (parts.device == 1) & (parts.task >= 100)
    for which, fraction in ((0, 0.5), (1, 0.9)):
        np.testing.assert_allclose(parts.fraction[on_gpu & (parts.task % 2 == which)], fraction, atol=0.01)


def test_hybrid_fraction_does_not_see_what_waits_so_that_a_queue_costs_it_more_than_mct() -> None:
    tasks = many(600, divisible=True)
    cluster = devices({}, {"kind": "gpu"})
    assert late_response_s(tasks, cluster, HybridFraction()) > 1.1 * late_response_s(tasks, cluster, Mct())


def test_two_policies_that_need_scikit_learn_at_once_both_get_it() -> None:
    """Imported by two threads at once it is half imported for one of them, in a process that has not imported it."""
    program = (
        "import threading; from plugins.estimators.tree_walk import scikit_learn; got = []; "
        "go = lambda name: got.append(scikit_learn(name)); "
        "threads = [threading.Thread(target=go, args=(name,)) for name in ('tree', 'ensemble') * 3]; "
        "[t.start() for t in threads]; [t.join() for t in threads]; print(len(got))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "6", said.stderr
