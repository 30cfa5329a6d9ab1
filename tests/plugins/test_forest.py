"""The forest: the same bits however long a fit takes, active exactly when promised, and it does learn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine.learner
from engine.cluster import Cluster, Device
from engine.completion import Completion
from engine.estimator import EstimatorContext
from engine.simulation import Simulation
from engine.task import Task, TaskColumns
from engine.training import TrainingLog
from engine.workload import Workload, workload
from plugins.estimators.forest import Forest, ForestParams
from plugins.estimators.tree_walk import export, mean_prediction
from plugins.schedulers.mct import Mct

PARAMS = ForestParams(interval=25, min_samples=10, trees=6)
CLUSTER = Cluster(
    "small",
    (Device(0, "cpu-0", "cpu", "cpu"), Device(1, "cpu-1", "cpu", "cpu"), Device(2, "gpu-0", "gpu", "gpu")),
)
FACTOR = np.array([[3.0, 0.4], [0.5, 2.5], [1.0, 1.0]])  # kind of task x device model: true / nominal


def planted(n: int = 400, seed: int = 5, arrive_from_s: float = 0.0) -> Workload:
    """Return tasks of three kinds whose true seconds are the nominal ones times a hidden factor of kind and model."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    etc_s = rng.lognormal(0.0, 0.6, (n, 2)) * [1.0, 0.5]
    arrival_s = arrive_from_s + np.cumsum(rng.exponential(0.45, n))
    return workload(
        "planted", ("cpu", "gpu"), arrival_s, etc_s * FACTOR[kind], etc_s=etc_s,
        features=np.column_stack([kind, rng.random(n)]), feature_names=("kind", "noise"), divisible=rng.random(n) < 0.3,
    )  # fmt: skip


def raced(tasks: Workload, estimator: Any) -> Simulation:
    simulation = Simulation(tasks, CLUSTER, Mct(), estimator, seed=11)
    simulation.advance()
    simulation.close()
    assert simulation.status == "finished", simulation.traceback
    return simulation


def learning(context: EstimatorContext) -> Forest:
    return Forest(context, PARAMS)


class Eager:
    """An executor whose fits end before they are asked for."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*arguments))
        return future

    def close(self) -> None: ...


class Tardy(Eager):
    """An executor whose fits begin only when the race waits for them: the longest delay there can be."""

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        class Late(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                return work(*arguments)

        return Late()


def mean_response_s(simulation: Simulation) -> float:
    parts = simulation.ledger.parts()
    finish_s = np.zeros(len(simulation.columns.arrival_s))
    np.maximum.at(finish_s, parts.task, parts.end_s)
    return float((finish_s - np.array(simulation.columns.arrival_s)).mean())


def test_the_bits_do_not_depend_on_how_long_a_fit_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    in_thread = raced(planted(), learning).ledger.digest()
    for executor in (Eager, Tardy):
        monkeypatch.setattr(engine.learner, "Background", executor)
        assert raced(planted(), learning).ledger.digest() == in_thread


def test_another_process_with_another_hash_seed_learns_the_same_bits() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_forest as t; "
        "print(t.raced(t.planted(), t.learning).ledger.digest())"
    )
    folder = Path(__file__).parent
    other = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        capture_output=True, text=True, check=True, cwd=folder.parents[1], env={"PYTHONHASHSEED": "77"},
    )  # fmt: skip
    assert other.stdout.strip() == raced(planted(), learning).ledger.digest()


def test_another_seed_grows_another_forest() -> None:
    first = raced(planted(), learning)
    other = Simulation(planted(), CLUSTER, Mct(), learning, seed=12)
    other.advance()
    other.close()
    assert other.ledger.digest() != first.ledger.digest()


def test_learning_brings_mct_nearly_to_what_knowing_the_truth_brings() -> None:
    nominal, learned, true = (mean_response_s(raced(planted(), e)) for e in ("nominal", learning, "true"))
    assert true < learned < nominal
    assert learned - true < 0.4 * (nominal - true)


class Driven:
    """A forest that is told of completions one by one, without a race."""

    def __init__(self, params: ForestParams, tasks: Workload) -> None:
        self.tasks = tasks
        self.columns = TaskColumns(tasks)
        self.log = TrainingLog(tasks.features)
        self.forest = Forest(
            EstimatorContext(tasks.models, tasks.etc_s, tasks.features, tasks.feature_names, self.log, 3), params
        )
        self.number = 0

    def complete(self, model: int | None = None) -> None:
        task = self.number
        self.number += 1
        where = task % 2 if model is None else model
        seconds = (float(self.tasks.etc_s[task, where]), float(self.tasks.actual_s[task, where]))
        self.log.append(self.number, task, where, 1.0, *seconds)
        self.forest.observe(Completion(self.number, Task(task, self.columns), (), 0.0, 0.0, 1.0, 0.0, 0.0))

    def answer(self, index: int) -> list[float]:
        return list(self.forest.seconds(Task(index, self.columns)))


def test_it_learns_a_planted_factor_for_tasks_it_has_never_seen_and_answers_nominal_before() -> None:
    tasks = planted()
    driven = Driven(PARAMS, tasks)
    unseen = range(300, 400)
    assert [driven.answer(i) for i in unseen] == tasks.etc_s[300:].tolist()
    for _ in range(300):
        driven.complete()
    driven.forest.close()
    got = np.array([driven.answer(i) for i in unseen])
    nominal_error = np.abs(np.log(tasks.etc_s[300:] / tasks.actual_s[300:])).mean()
    assert nominal_error > 0.5
    assert np.abs(np.log(got / tasks.actual_s[300:])).mean() < 0.25 * nominal_error


def test_a_model_of_the_first_k_completions_is_used_from_completion_k_plus_interval_on() -> None:
    driven = Driven(ForestParams(interval=20, min_samples=5), planted(200))
    nominal = driven.answer(150)
    models, answers = [], []
    for _ in range(80):
        driven.complete()
        models.append(driven.forest.active_models)
        answers.append(driven.answer(150))
    driven.forest.close()
    assert models == [0] * 39 + [1] * 20 + [2] * 20 + [3]
    assert all(answer == nominal for answer in answers[:39])
    changes = [i + 1 for i in range(1, 80) if answers[i] != answers[i - 1]]
    assert changes == [40, 60, 80]


def test_the_model_of_completion_k_has_seen_nothing_later() -> None:
    """What completes between the fit and its use does not reach it."""
    tasks = planted(200)
    changed = planted(200)
    later = tasks.actual_s.copy()
    later[20:] *= 50.0
    changed = workload("changed", tasks.models, tasks.arrival_s, later, etc_s=tasks.etc_s, features=tasks.features,
                       feature_names=tasks.feature_names)  # fmt: skip
    answers = []
    for each in (tasks, changed):
        driven = Driven(ForestParams(interval=20, min_samples=5), each)
        for _ in range(40):
            driven.complete()
        answers.append(driven.answer(150))
        driven.forest.close()
    assert answers[0] == answers[1]


def test_a_device_model_with_too_few_samples_stays_nominal() -> None:
    driven = Driven(ForestParams(interval=20, min_samples=15), planted(200))
    for number in range(60):
        driven.complete(model=1 if number % 10 == 0 else 0)
    cpu_s, gpu_s = driven.answer(150)
    driven.forest.close()
    assert gpu_s == driven.tasks.etc_s[150, 1]
    assert cpu_s != driven.tasks.etc_s[150, 0]


def test_it_looks_at_the_window_only_so_that_old_truths_are_forgotten() -> None:
    n = 400
    etc_s, actual_s = np.ones((n, 2)), np.ones((n, 2))
    actual_s[:200] = 10.0
    tasks = workload("drift", ("cpu", "gpu"), np.arange(n), actual_s, etc_s=etc_s, features=np.zeros((n, 1)),
                     feature_names=("none",))  # fmt: skip
    driven = Driven(ForestParams(interval=20, window=40, min_samples=5, trees=4), tasks)
    answers = []
    for _ in range(400):
        driven.complete()
        answers.append(driven.answer(0)[0])
    driven.forest.close()
    assert answers[199] == pytest.approx(10.0)
    assert answers[-1] == pytest.approx(1.0)


def test_a_drift_is_noticed_once_and_not_again_because_of_trees_from_before() -> None:
    n = 3000
    rng = np.random.default_rng(9)
    etc_s = rng.lognormal(0.0, 0.6, (n, 2)) * [1.0, 0.5]
    actual_s = 2.0 * etc_s * rng.lognormal(0.0, 0.1, (n, 2))
    actual_s[n // 2 :, 1] *= 2.0
    tasks = workload("slower", ("cpu", "gpu"), np.cumsum(rng.exponential(0.6, n)), actual_s, etc_s=etc_s)
    learner = raced(tasks, lambda context: Forest(context, ForestParams())).estimator
    noticed = [j.completion for j in learner.judgements if j.verdicts[1].drift]
    assert 1 <= len(noticed) <= 2  # the judgement in which it falls sees a part of it
    assert n // 2 < noticed[0] <= n // 2 + 100
    assert learner.judgements[-1].verdicts[1].error < 0.15


def test_a_task_that_cannot_run_on_a_model_stays_impossible_there() -> None:
    n = 60
    etc_s = np.full((n, 2), 2.0)
    etc_s[::3, 1] = np.inf
    tasks = workload("some", ("cpu", "gpu"), np.arange(n), etc_s * 1.5, etc_s=etc_s)
    simulation = raced(tasks, lambda context: Forest(context, ForestParams(interval=5, min_samples=2)))
    assert simulation.estimator.active_models > 3
    assert list(simulation.estimator.seconds(Task(0, simulation.columns)))[1] == np.inf


@pytest.mark.parametrize("grow", ["DecisionTreeRegressor", "ExtraTreeRegressor"])
def test_walking_exported_trees_gives_scikit_learns_mean_to_the_last_bit_of_each_tree(grow: str) -> None:
    import sklearn.tree

    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 6, (300, 4)).astype(np.float32)  # many values on the thresholds
    target = inputs @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=300)
    fitted = [
        getattr(sklearn.tree, grow)(min_samples_leaf=3, random_state=seed).fit(inputs, target) for seed in range(7)
    ]
    trees = [export(tree) for tree in fitted]
    for row in rng.integers(0, 6, (50, 4)).astype(np.float32):
        each = [float(tree.predict(row[None])[0]) for tree in fitted]
        assert [mean_prediction([tree], row.tolist()) for tree in trees] == each
        assert mean_prediction(trees, row.tolist()) == pytest.approx(np.mean(each), rel=1e-14)


@pytest.mark.parametrize(("noise", "leaf"), [(0.0, 1), (0.3, 8)])
def test_leaves_are_single_samples_where_the_times_have_no_noise_and_larger_where_they_have(
    noise: float, leaf: int
) -> None:
    rng = np.random.default_rng(2)
    features = rng.random((400, 2))
    steps = np.floor(8 * features).sum(axis=1) % 2  # a chessboard: nothing that a line explains
    log = TrainingLog(features)
    for task, seconds in enumerate(np.exp(steps + noise * 3 * rng.standard_normal(400)).tolist()):
        log.append(task + 1, task, 0, 1.0, 1.0, seconds)
    forest = Forest(EstimatorContext(("cpu",), np.ones((400, 1)), features, ("x", "y"), log, 0))
    forest.fit(log.latest(400, 1000))
    assert forest.leaf == [leaf]


def test_closing_ends_the_fitting_thread_and_may_be_done_twice() -> None:
    import threading

    before = set(threading.enumerate())
    driven = Driven(ForestParams(interval=5, min_samples=2), planted(100))
    for _ in range(30):
        driven.complete()
    assert set(threading.enumerate()) - before
    driven.forest.close()
    driven.forest.close()
    assert set(threading.enumerate()) == before
