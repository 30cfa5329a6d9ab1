"""The weights of the race reach every policy that has a score: mct, mct_energy, mct_cost and the reward of rl_agent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.completion import Completion
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.task import TaskColumns
from engine.weights import Weights
from engine.workload import Workload, workload
from plugins.schedulers.mct import Mct
from plugins.schedulers.mct_cost import MctCost, MctCostParams
from plugins.schedulers.mct_energy import MctEnergy, MctEnergyParams
from plugins.schedulers.rl_agent import RlAgent, RlParams
from tests.engine.engine_worlds import devices, laws, shares_of

CLUSTER = devices(
    {"idle_w": 20.0, "active_w": 50.0, "price_per_hour": 9.0},
    {"idle_w": 20.0, "active_w": 120.0, "price_per_hour": 0.4, "slots": 2},
    {"kind": "gpu", "link_gb_s": 8.0, "link_latency_s": 0.05, "idle_w": 30.0, "active_w": 300.0, "price_per_hour": 3.0},
    {"kind": "gpu", "active_w": 90.0, "price_per_hour": 12.0},
)
WEIGHTS = st.builds(Weights, *(st.sampled_from(scale) for scale in ((0.0, 0.5, 1, 3), (0, 0.004, 0.02), (1e-6, 900))))


def many(n: int = 120, seed: int = 2) -> Workload:
    rng = np.random.default_rng(seed)
    arrival_s = np.cumsum(rng.exponential(0.4, n))
    divisible = rng.random(n) < 0.6
    return workload(
        "many", ("cpu", "gpu"), arrival_s, rng.lognormal(0, 1, (n, 2)), divisible=divisible, transfer_gb=0.1
    )


def run(tasks: Workload, scheduler: Scheduler, weights: Weights) -> Simulation:
    simulation = Simulation(tasks, CLUSTER, scheduler, weights=weights)
    simulation.advance()
    assert simulation.status == "finished", simulation.traceback or simulation.reason
    return simulation


def digest(tasks: Workload, scheduler: Scheduler, weights: Weights) -> str:
    return run(tasks, scheduler, weights).ledger.digest()


def busy_energy_j(simulation: Simulation) -> float:
    return sum(
        (d.active_w - d.idle_w) * (end_s - start_s) / d.slots
        for _, device, _, start_s, end_s in shares_of(simulation)
        for d in [CLUSTER.devices[device]]
    )


def busy_cost(simulation: Simulation) -> float:
    return sum(
        d.price_per_hour / 3600 * (end_s - start_s) / d.slots
        for _, device, _, start_s, end_s in shares_of(simulation)
        for d in [CLUSTER.devices[device]]
    )


@laws(12)
@given(WEIGHTS)
def test_the_two_aware_rules_are_mct_where_the_race_itself_weighs_what_they_spare(weights: Weights) -> None:
    tasks = many()
    if weights.energy:
        assert digest(tasks, MctEnergy(), weights) == digest(tasks, Mct(), weights)
    assert digest(tasks, MctCost(), weights) == digest(tasks, Mct(), weights)


def test_where_the_race_gives_no_weight_their_parameter_stands_in() -> None:
    tasks, plain = many(), Weights()
    energy = digest(tasks, MctEnergy(MctEnergyParams(weight=0.02)), plain)
    assert energy == digest(tasks, Mct(), Weights(energy=0.02)) != digest(tasks, Mct(), plain)
    cost = digest(tasks, MctCost(MctCostParams(weight=900.0)), plain)
    assert cost == digest(tasks, Mct(), Weights(cost=900.0)) != digest(tasks, Mct(), plain)


def test_by_default_they_spare_what_they_are_called_after() -> None:
    tasks = many()
    by_mct = run(tasks, Mct(), Weights())
    assert busy_energy_j(run(tasks, MctEnergy(), Weights())) < 0.8 * busy_energy_j(by_mct)
    assert busy_cost(run(tasks, MctCost(), Weights())) < 0.8 * busy_cost(by_mct)


def test_they_decline_a_cluster_on_which_there_is_nothing_to_spare() -> None:
    plain = devices({"idle_w": 40.0, "active_w": 40.0}, {"kind": "gpu"})
    assert "watts" in str(MctEnergy.declines(TaskColumns(many(2)), plain))
    assert "prices" in str(MctCost.declines(TaskColumns(many(2)), plain))
    assert MctEnergy.declines(TaskColumns(many(2)), CLUSTER) is MctCost.declines(TaskColumns(many(2)), CLUSTER) is None


@laws(12)
@given(WEIGHTS)
def test_rl_agent_starts_from_mct_under_any_weights(weights: Weights) -> None:
    tasks = many()
    agent = RlAgent(RlParams(exploration=0.0, trust=1e15))
    assert digest(tasks, agent, weights) == digest(tasks, Mct(), weights)


class _Witness(RlAgent):
    """Remembers the features of the last task's placement."""

    name = "witness"

    def observe(self, completion: Completion) -> None:
        self.features = self._chosen[completion.task.index]
        super().observe(completion)


@laws(30)
@given(WEIGHTS)
def test_the_reward_of_rl_agent_is_the_weighted_score_of_what_the_task_truly_took(weights: Weights) -> None:
    """One step of recursive least squares closes k / (forget + k) of the gap to the reward, with k = x.x / trust."""
    tasks = workload("surprise", ("cpu", "gpu"), [0.0], [[7.0, 5.0]], etc_s=[[2.0, 3.0]], divisible=True)
    agent = _Witness(RlParams(exploration=0.0, trust=0.1))
    simulation = run(tasks, agent, weights)
    reward = (
        weights.time * simulation.now_s
        + weights.energy * busy_energy_j(simulation)
        + weights.cost * busy_cost(simulation)
    )
    x = agent.features
    before, k = float(x[:2].sum()), float(x @ x) / 0.1  # the first two weights start at 1, the others at 0
    closed = k / (0.5 ** (1 / 2000) + k)
    assert float(x @ agent._weights) == pytest.approx(before + closed * (reward - before), rel=1e-9)
