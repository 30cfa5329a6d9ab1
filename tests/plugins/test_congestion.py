"""The rule that charges itself for the waiting that it causes."""

from __future__ import annotations

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.simulation import Simulation
from engine.spec import RaceSpec, SchedulerSpec
from engine.workload import Workload, workload
from plugins.assemble import prepare
from plugins.registry import load_registry
from plugins.schedulers.congestion import Congestion, CongestionParams
from plugins.schedulers.mct import Mct
from plugins.workload import WorkloadRequest
from plugins.workloads.synthetic import Synthetic, SyntheticParams

PAIR = Cluster("pair", (Device(0, "cpu", "cpu", "cpu"), Device(1, "gpu", "gpu", "gpu")))


def raced(tasks: Workload, cluster: Cluster, rule: Mct | Congestion) -> Simulation:
    simulation = Simulation(tasks, cluster, rule)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return simulation


def synthetic(load: float, seed: int = 1, tasks: int = 500) -> Workload:
    return Synthetic(SyntheticParams()).load(WorkloadRequest(PAIR, seed=seed, tasks=tasks, load=load))


def test_without_a_charge_it_is_mct_to_the_bit() -> None:
    tasks = synthetic(0.8)
    free = raced(tasks, PAIR, Congestion(CongestionParams(charge=0.0, queue="first")))
    assert free.ledger.digest() == raced(tasks, PAIR, Mct()).ledger.digest()


def test_tasks_that_are_all_there_at_once_delay_nobody_who_comes_later() -> None:
    tasks = workload("batch", ("cpu", "gpu"), np.zeros(40), np.full((40, 2), [3.0, 1.0]), divisible=True)
    rule = Congestion(CongestionParams(queue="first"))
    assert raced(tasks, PAIR, rule).ledger.digest() == raced(tasks, PAIR, Mct()).ledger.digest()


def test_the_shortest_of_those_that_wait_goes_first() -> None:
    seconds = np.array([[5.0], [4.0], [1.0], [3.0], [2.0]])
    tasks = workload("queue", ("cpu",), np.arange(5) * 0.1, seconds)
    alone = Cluster("alone", (Device(0, "cpu", "cpu", "cpu"),))
    simulation = raced(tasks, alone, Congestion())
    assert list(np.argsort(simulation.ledger.start_s)) == [0, 2, 4, 3, 1]


def test_a_long_task_goes_where_it_delays_nobody_though_it_would_finish_sooner_elsewhere() -> None:
    """Both devices run something for 10 s; three tasks of 3 s wait for the GPU. One of 2 s would finish there first."""
    seconds = np.array([[10.0, 99.0], [99.0, 10.0], [99.0, 3.0], [99.0, 3.0], [99.0, 3.0], [2.5, 2.0]])
    tasks = workload("behind", ("cpu", "gpu"), np.arange(6) * 0.01, seconds)
    simulation = raced(tasks, PAIR, Congestion(CongestionParams(charge=0.0)))
    assert simulation.ledger.device[5] == 0


def test_tasks_of_a_graph_queue_in_the_order_of_their_placement() -> None:
    parents = ([], [], [], [0])
    seconds = np.array([[5.0], [4.0], [1.0], [1.0]])
    tasks = workload("graph", ("cpu",), np.zeros(4), seconds, parents=parents)
    alone = Cluster("alone", (Device(0, "cpu", "cpu", "cpu"),))
    simulation = raced(tasks, alone, Congestion())
    assert list(np.argsort(simulation.ledger.start_s)) == [0, 1, 2, 3]


def test_a_task_leaves_the_scarce_device_to_those_for_whom_it_is_best() -> None:
    """Every second task is ten times faster on the GPU, the others hardly: mct gives the GPU to both."""
    n = 400
    seconds = np.where((np.arange(n) % 2 == 0)[:, None], [10.0, 1.0], [1.3, 1.0])
    tasks = workload("two kinds", ("cpu", "gpu"), np.arange(n) * 0.62, seconds)
    selfish, kind = raced(tasks, PAIR, Mct()), raced(tasks, PAIR, Congestion())

    def on_gpu(simulation: Simulation) -> np.ndarray:
        done = simulation.ledger.finished_tasks("x", 0, n, simulation.columns, PAIR)
        return done.gpu_fraction[np.argsort(done.task)][1::2] > 0

    def mean_response_s(simulation: Simulation) -> float:
        done = simulation.ledger.finished_tasks("x", 0, n, simulation.columns, PAIR)
        return float((done.finish_s - done.arrival_s).mean())

    assert on_gpu(kind).mean() < on_gpu(selfish).mean()
    assert mean_response_s(kind) < mean_response_s(selfish)


@pytest.mark.parametrize(("load", "at_most"), [(0.5, 1.0), (0.7, 0.6), (0.8, 0.25), (0.9, 0.15)])
def test_it_beats_the_clairvoyant_but_selfish_oracle_the_further_the_higher_the_load(
    load: float, at_most: float
) -> None:
    lanes = (SchedulerSpec("oracle"), SchedulerSpec("congestion+true"))
    means = {lane.name: [] for lane in lanes}
    for seed in range(3):
        spec = RaceSpec(tasks=1500, seed=seed, load=load, schedulers=lanes)
        race = prepare(spec, load_registry(plugins=[])).race()
        while not race.done:
            race.advance()
        for row in race.result().rows:
            means[row.name].append(row.mean_response_s)
        race.close()
    assert np.mean(means["congestion+true"]) < at_most * np.mean(means["oracle"])


def test_hybrid_ml_is_this_rule_with_the_forest() -> None:
    prepared = prepare(RaceSpec(tasks=10, schedulers=(SchedulerSpec("hybrid_ml"),)), load_registry(plugins=[]))
    (lane,) = prepared.lanes
    assert lane.rule is Congestion
    assert getattr(lane.estimator, "name", None) == "forest"
