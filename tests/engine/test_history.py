"""A learner that starts from the samples of an earlier race."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.estimator import EstimatorContext
from engine.history import History, warmed
from engine.learner import Answer, Learner, LearnerParams
from engine.simulation import Simulation
from engine.training import TrainingLog, TrainingSamples
from engine.workload import Workload, workload
from plugins.schedulers.round_robin import RoundRobin

PAIR = Cluster("pair", (Device(0, "cpu", "cpu", "cpu"), Device(1, "gpu", "gpu", "gpu")))


def history(factor: tuple[float, float], rows: int = 200) -> History:
    """Samples of tasks whose true seconds were the nominal ones times a factor a device model, and some noise."""
    rng = np.random.default_rng(11)
    nominal_s = rng.uniform(0.5, 1.5, (rows, 2))
    model = np.arange(rows) % 2
    work_s = nominal_s[np.arange(rows), model] * np.array(factor)[model] * rng.lognormal(0.0, 0.1, rows)
    return History(
        ("cpu", "gpu"), ("size",), model, np.ones(rows), work_s, nominal_s, nominal_s[:, :1]
    )  # fmt: skip


def tasks(factor: tuple[float, float], n: int = 200) -> Workload:
    rng = np.random.default_rng(12)
    etc_s = rng.uniform(0.5, 1.5, (n, 2))
    actual_s = etc_s * factor * rng.lognormal(0.0, 0.1, (n, 2))
    return workload(
        "warm", ("cpu", "gpu"), np.arange(n) * 3.0, actual_s,
        etc_s=etc_s, features=etc_s[:, :1], feature_names=("size",),
    )  # fmt: skip


class Factor(Learner):
    """Learns one factor a device model, and keeps what it was given."""

    name = "factor"

    def __init__(self, context: EstimatorContext, params: LearnerParams) -> None:
        super().__init__(context, params)
        self.given: list[TrainingSamples] = []

    def fit(self, samples: TrainingSamples) -> Answer:
        self.given.append(samples)
        ratios = np.log(samples.work_s / samples.nominal_s)
        factor = [
            math.exp(np.median(ratios[samples.model == m])) if (samples.model == m).any() else 1.0 for m in (0, 1)
        ]
        return lambda index: [s * f for s, f in zip(self._nominal[index], factor, strict=True)]


def raced(source: Workload, known: History | None, window: int = 100) -> Factor:
    params = LearnerParams(interval=20, window=window)

    def make(context: EstimatorContext) -> Factor:
        return Factor(context if known is None else warmed(context, known), params)

    simulation = Simulation(source, PAIR, RoundRobin(), make)
    simulation.advance()
    simulation.close()
    assert simulation.status == "finished", simulation.reason
    assert isinstance(simulation.estimator, Factor)
    assert simulation.samples is not None and len(simulation.samples.latest(10**6, 10**6)) == len(source), (
        "only its own"
    )
    return simulation.estimator


def context_of(source: Workload, log: TrainingLog) -> EstimatorContext:
    return EstimatorContext(source.models, source.etc_s, source.features, source.feature_names, log, 1)


def test_the_window_holds_the_history_first_and_the_races_own_samples_push_it_out() -> None:
    source = tasks((1.0, 1.0), 10)
    log = TrainingLog(source.features)
    known = history((2.0, 1.0), rows=6)
    context = warmed(context_of(source, log), known)
    for number in range(1, 5):
        log.append(number, number, 0, 1.0, 1.0, float(number))
    latest = context.window.latest(3, 5)
    assert latest.completion.tolist() == [0, 0, 1, 2, 3]
    assert latest.sample.tolist() == [-2, -1, 1, 2, 3]
    assert latest.work_s.tolist() == [*known.work_s[-2:], 1.0, 2.0, 3.0]
    assert context.window.latest(0, 100).sample.tolist() == [-6, -5, -4, -3, -2, -1]
    assert context.window.latest(9, 3).completion.tolist() == [2, 3, 4]
    for task, nominal_s, features in zip(latest.task[:2], latest.nominal_s[:2], latest.features[:2], strict=True):
        row = task - 10
        assert context.nominal_s[task, known.model[row]] == nominal_s
        assert np.array_equal(context.features[task], features)


def test_a_learner_that_starts_warm_answers_an_interval_sooner() -> None:
    source = tasks((2.5, 0.5))
    cold, warm = raced(source, None), raced(source, history((2.5, 0.5)))
    assert [(j.fitted_at, j.completion) for j in cold.judgements][:2] == [(20, 40), (40, 60)]
    assert [(j.fitted_at, j.completion) for j in warm.judgements][:3] == [(0, 20), (20, 40), (40, 60)]
    assert not any(v.forgets or v.drift for j in warm.judgements for v in j.verdicts)
    assert all(v.trusted for v in warm.judgements[0].verdicts)
    assert (warm.given[0].completion == 0).all() and len(warm.given[0]) == 100
    assert (warm.given[-1].completion > 0).all()


def test_a_history_of_another_world_is_soon_corrected_or_forgotten() -> None:
    source = tasks((2.5, 0.5))
    slower = raced(source, history((0.5, 0.5)))
    assert slower.judgements[0].verdicts[0].drift == pytest.approx(math.log(5.0), abs=0.15)
    assert slower.judgements[0].verdicts[1].drift == 0.0
    known = history((2.5, 0.5))
    mixed = known.work_s * np.random.default_rng(4).lognormal(0.0, 0.02, len(known)) / known.work_s
    mixed = replace(known, work_s=mixed)  # all tasks took 1 s, whatever their size
    learner = raced(source, mixed, window=400)
    assert any(v.forgets or v.drift for j in list(learner.judgements)[:3] for v in j.verdicts)
    assert learner.judgements[-1].verdicts[0].error < 0.15


def test_the_judgement_against_nominal_stays_as_it_is() -> None:
    learner = raced(tasks((1.0, 1.0)), history((3.0, 3.0)))
    assert not any(v.trusted for v in learner.judgements[0].verdicts)


class Fails(Factor):
    def fit(self, samples: TrainingSamples) -> Answer:
        if not samples.completion.any():
            return lambda index: [math.nan, 1.0]
        return super().fit(samples)


def test_a_fit_on_a_history_that_answers_nonsense_is_a_sentence_and_the_race_goes_on() -> None:
    params = LearnerParams(interval=20, window=100)
    source = tasks((2.5, 0.5))
    simulation = Simulation(source, PAIR, RoundRobin(), lambda c: Fails(warmed(c, history((2.5, 0.5))), params))
    simulation.advance(events=60)
    assert isinstance(simulation.estimator, Fails)
    assert "[nan, 1.0] seconds; they must be above 0" in (simulation.estimator.problem or "")
    simulation.advance()
    simulation.close()
    assert simulation.status == "finished"
    assert simulation.estimator.problem is None
