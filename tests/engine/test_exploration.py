"""What is believed to be slow is tried, cheaply, and found to be fast where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.completion import Completion, ShareResult
from engine.exploration import BUDGET, KNOWN, TEMPTING, Exploration
from engine.learner import Answer, Learner, LearnerParams
from engine.simulation import Simulation
from engine.task import Task, TaskColumns
from engine.training import TrainingSamples
from engine.workload import Workload, workload
from plugins.schedulers.mct import Mct

PAIR = Cluster("pair", (Device(0, "cpu", "cpu", "cpu"), Device(1, "gpu", "gpu", "gpu")))
COLUMNS = TaskColumns(workload("any", ("cpu", "gpu"), np.zeros(2000), np.ones((2000, 2))))


def seen(on_cpu: int, on_gpu: int) -> TrainingSamples:
    model = np.repeat([0, 1], [on_cpu, on_gpu])
    n = np.arange(len(model))
    ones = np.ones(len(model))
    return TrainingSamples(n + 1, n + 1, n, model, ones, ones, ones, np.zeros((len(model), 0)))


def exploring() -> Exploration:
    """The GPU is hardly used."""
    exploration = Exploration(2000)
    exploration.look(seen(50, 0), 2)
    return exploration


def finished(task: int, model: int, work_s: float) -> Completion:
    share = ShareResult(model, model, 1.0, 0.0, work_s, work_s)
    return Completion(1, Task(task, COLUMNS), (share,), 0.0, 0.0, work_s, 0.0, 0.0)


def test_it_tempts_only_where_too_little_is_known_and_only_within_its_budget() -> None:
    exploration = Exploration(1000)
    for enough in (seen(900, KNOWN), seen(95, 5)):
        exploration.look(enough, 2)
        assert exploration.tempt(0, [0.0, 3.0]) == [0.0, 3.0]
    exploration.look(seen(900, KNOWN - 1), 2)
    answers = [exploration.tempt(task, [1.0, 3.0]) for task in range(1, 500)]
    sent = [task for task, answer in enumerate(answers, start=1) if answer != [1.0, 3.0]]
    assert answers[sent[0] - 1] == [1.0, TEMPTING * 1.0]
    # a stake of 2 s: when 200 s of work have been asked for, and no other one before that one has finished
    assert sent == [200]
    exploration.settle(finished(200, 1, 3.0))
    assert exploration.tempt(500, [1.0, 3.0]) != [1.0, 3.0]
    assert exploration.price_s <= BUDGET * 500


def test_a_task_that_waits_is_told_the_same_however_often_it_is_asked_for() -> None:
    exploration = exploring()
    sent = next(task for task in range(1000) if exploration.tempt(task, [1.0, 3.0]) != [1.0, 3.0])
    for _ in range(3):
        assert exploration.tempt(sent, [1.0, 3.0]) == [1.0, TEMPTING * 1.0]
        assert exploration.tempt(sent - 1, [1.0, 3.0]) == [1.0, 3.0]
    exploration.settle(finished(sent, 1, 1.0))
    # 201 s of work, of which 2.01 s may be staked: nothing of it is bound any more
    assert exploration.tempt(sent + 1, [1.0, 3.005]) != [1.0, 3.005]


def test_a_device_that_is_far_slower_than_believed_costs_one_task_until_the_work_has_made_up_for_it() -> None:
    exploration = exploring()
    sent = [task for task in range(1000) if exploration.tempt(task, [1.0, 3.0]) != [1.0, 3.0]]
    exploration.settle(finished(sent[0], 1, 900.0))
    assert len(sent) == 1
    assert all(exploration.tempt(task, [1.0, 3.0]) == [1.0, 3.0] for task in range(1000, 2000))


def test_what_a_trial_has_cost_takes_the_place_of_what_it_was_believed_to() -> None:
    exploration = exploring()
    sent = next(task for task in range(1000) if exploration.tempt(task, [1.0, 3.0]) != [1.0, 3.0])
    exploration.settle(finished(sent, 1, 0.4))
    assert (exploration.tasks, exploration.price_s) == (1, pytest.approx(-0.6))
    assert exploration.tempt(1000, [1.0, 3.0]) != [1.0, 3.0]  # the budget is free again
    exploration.settle(finished(1000, 1, 9.0))
    assert exploration.price_s == pytest.approx(-0.6 + 8.0)
    assert exploration.tempt(1001, [1.0, 3.0]) == [1.0, 3.0]  # and now it is spent


def test_a_task_that_was_tempted_and_ran_elsewhere_all_the_same_costs_nothing() -> None:
    exploration = exploring()
    sent = next(task for task in range(1000) if exploration.tempt(task, [1.0, 3.0]) != [1.0, 3.0])
    exploration.settle(finished(sent, 0, 1.0))
    assert (exploration.tasks, exploration.price_s) == (0, 0.0)


class Factor(Learner):
    """Learns one factor a device model."""

    name = "factor"

    def fit(self, samples: TrainingSamples) -> Answer:
        ratio = samples.work_s / samples.nominal_s
        factor = [float(np.median(ratio[samples.model == m])) if (samples.model == m).any() else 1.0 for m in (0, 1)]
        return lambda index: (self.context.nominal_s[index] * factor).tolist()


def whole(overrated: float) -> Workload:
    """Whole tasks, twice as fast on the GPU, of which it is said that they take ``overrated`` times as long there."""
    rng = np.random.default_rng(2)
    n = 1500
    actual_s = rng.lognormal(0.0, 1.0, (n, 1)) * [1.0, 0.5] * rng.lognormal(0.0, 0.1, (n, 2))
    return workload("slandered", ("cpu", "gpu"), np.arange(n) * 60.0, actual_s, etc_s=actual_s * [1.0, overrated])


def raced(source: Workload) -> tuple[Simulation, float]:
    simulation = Simulation(source, PAIR, Mct(), lambda context: Factor(context, LearnerParams()))
    simulation.advance()
    simulation.close()
    done = simulation.ledger.finished_tasks("x", 0, len(source), simulation.columns, PAIR)
    return simulation, float((done.finish_s - done.arrival_s)[len(source) // 2 :].mean())


def test_a_device_that_is_slandered_is_found_to_be_fast() -> None:
    _, learned_s = raced(whole(30.0))
    known = Simulation(whole(30.0), PAIR, Mct(), "true")
    known.advance()
    done = known.ledger.finished_tasks("x", 0, 1500, known.columns, PAIR)
    known_s = float((done.finish_s - done.arrival_s)[750:].mean())
    nominal = Simulation(whole(30.0), PAIR, Mct())
    nominal.advance()
    done = nominal.ledger.finished_tasks("x", 0, 1500, nominal.columns, PAIR)
    assert float((done.finish_s - done.arrival_s)[750:].mean()) > 1.8 * known_s
    assert learned_s < 1.1 * known_s


def test_a_device_that_is_as_slow_as_it_is_said_to_be_costs_at_most_the_budget() -> None:
    source = whole(1.0)
    slow = replace(source, etc_s=source.actual_s * [1.0, 60.0], actual_s=source.actual_s * [1.0, 60.0])
    simulation, _ = raced(slow)
    estimator = simulation.estimator
    assert isinstance(estimator, Learner)
    account = estimator.account()["exploration"]
    assert 0.0 <= account["price_s"] <= 1.1 * BUDGET * float(slow.actual_s[:, 0].sum())
