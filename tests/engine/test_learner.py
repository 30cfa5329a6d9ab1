"""What every learner gets: a schedule, a comparison with the nominal times, a race that goes on whatever it does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.estimator import EstimatorContext
from engine.learner import Answer, Learner, LearnerParams
from engine.metrics import summarise
from engine.race import LaneSpec, Race
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.training import TrainingSamples
from engine.watchdog import Watchdog
from engine.workload import Workload, workload
from plugins.schedulers.mct import Mct
from plugins.schedulers.round_robin import RoundRobin

PAIR = Cluster("pair", (Device(0, "cpu", "cpu", "cpu"), Device(1, "gpu", "gpu", "gpu")))
PARAMS = LearnerParams(interval=10, window=100)


def tasks(factor: Sequence[float], n: int = 120) -> Workload:
    """Tasks whose true seconds are the nominal ones times one factor a device model."""
    rng = np.random.default_rng(3)
    etc_s = rng.uniform(0.5, 1.5, (n, 2))
    return workload("factor", ("cpu", "gpu"), np.arange(n) * 0.8, etc_s * np.array(factor), etc_s=etc_s)


class Factor(Learner):
    """Learns one factor a device model, which is all there is to learn."""

    name = "factor"

    def fit(self, samples: TrainingSamples) -> Answer:
        ratios = np.log(samples.work_s / samples.nominal_s)
        factor = [math.exp(ratios[samples.model == m].mean()) if (samples.model == m).any() else 1.0 for m in (0, 1)]
        return lambda index: [s * f for s, f in zip(self._nominal[index], factor, strict=True)]


def raced(
    source: Workload,
    learner: Callable[[EstimatorContext, LearnerParams], Learner],
    rule: type[Scheduler] = Mct,
) -> Simulation:
    simulation = Simulation(source, PAIR, rule(), lambda context: learner(context, PARAMS))
    simulation.advance()
    simulation.close()
    assert simulation.status == "finished", simulation.reason
    return simulation


def learner_of(simulation: Simulation) -> Learner:
    assert isinstance(simulation.estimator, Learner)
    return simulation.estimator


def test_it_answers_for_a_device_model_only_where_the_nominal_times_are_worse() -> None:
    learner = learner_of(raced(tasks([2.5, 1.0]), Factor))
    cpu, gpu = learner.judgements[-1].verdicts
    assert cpu.trusted and cpu.error < 1e-9 < 0.9 < cpu.nominal_error
    assert not gpu.trusted and gpu.nominal_error == pytest.approx(0.0, abs=1e-12)
    learned = learner.seconds(learner_tasks(learner)[0])
    assert learned[0] == pytest.approx(2.5 * learner.context.nominal_s[0, 0])
    assert learned[1] == learner.context.nominal_s[0, 1]


def learner_tasks(learner: Learner) -> list:
    from engine.task import TaskColumns

    return TaskColumns(
        workload("same", ("cpu", "gpu"), np.zeros(len(learner.context.nominal_s)), learner.context.nominal_s)
    ).tasks


def test_where_the_nominal_times_are_exact_the_race_is_that_of_the_nominal_times() -> None:
    source = tasks([1.0, 1.0])
    learned = raced(source, Factor)
    nominal = Simulation(source, PAIR, Mct())
    nominal.advance()
    assert learned.ledger.digest() == nominal.ledger.digest()
    assert learner_of(learned).active_models == 0


def test_a_fit_is_judged_on_what_came_while_it_was_made_and_used_an_interval_later() -> None:
    learner = learner_of(raced(tasks([3.0, 3.0]), Factor))
    assert [(j.fitted_at, j.completion) for j in learner.judgements] == [(k, k + 10) for k in range(10, 120, 10)]
    assert all(sum(v.samples for v in j.verdicts) == 10 for j in learner.judgements)


class Raises(Factor):
    name = "raises"

    def fit(self, samples: TrainingSamples) -> Answer:
        raise ArithmeticError("the matrix is not invertible")


class Negative(Factor):
    name = "negative"

    def fit(self, samples: TrainingSamples) -> Answer:
        return lambda index: [-1.0, 2.0]


class TooFew(Factor):
    name = "too_few"

    def fit(self, samples: TrainingSamples) -> Answer:
        return lambda index: [1.0]


class LaterNonsense(Factor):
    """Good while it is judged, then nonsense for tasks that it has not been asked about."""

    name = "later"

    def fit(self, samples: TrainingSamples) -> Answer:
        known = super().fit(samples)
        return lambda index: known(index) if index < 100 else [math.nan, math.nan]


@pytest.mark.parametrize(
    ("learner", "says"),
    [
        (Raises, "'raises' could not be retrained: it raised ArithmeticError: the matrix is not invertible"),
        (Negative, "[-1.0, 2.0] seconds; they must be above 0"),
        (TooFew, "1 values for 2 device models"),
    ],
)
def test_a_fit_that_cannot_be_used_is_a_sentence_and_the_race_is_that_of_the_nominal_times(
    learner: type[Learner], says: str
) -> None:
    source = tasks([2.0, 1.0])
    simulation = raced(source, learner)
    nominal = Simulation(source, PAIR, Mct())
    nominal.advance()
    assert simulation.ledger.digest() == nominal.ledger.digest()
    row = summarise("x", simulation, 0.0, simulation.now_s, None, None)
    assert row.learning is not None and says in row.learning["problem"]


def test_a_model_that_answers_nonsense_later_gives_way_to_the_nominal_times() -> None:
    simulation = raced(tasks([2.0, 1.0], n=160), LaterNonsense)
    assert learner_of(simulation).active_models > 0
    answer = learner_of(simulation).seconds(simulation.columns.tasks[159])
    assert list(answer) == learner_of(simulation).context.nominal_s[159].tolist()
    assert "[nan, nan] seconds; they must be above 0" in (learner_of(simulation).problem or "")


def drifting(factor: float, n: int = 400) -> Workload:
    """Tasks with noise whose seconds on the CPU change by a factor half-way."""
    rng = np.random.default_rng(8)
    etc_s = rng.uniform(0.5, 1.5, (n, 2))
    actual_s = etc_s * [2.0, 0.5] * rng.lognormal(0.0, 0.1, (n, 2))
    actual_s[n // 2 :, 0] *= factor
    return workload("drift", ("cpu", "gpu"), np.arange(n) * 1.7, actual_s, etc_s=etc_s)


@pytest.mark.parametrize("factor", [0.4, 3.0])
def test_a_device_model_that_drifts_is_corrected_soon_and_the_others_are_not(factor: float) -> None:
    learner = learner_of(raced(drifting(factor), Factor, RoundRobin))
    judged = [(j.completion, j.verdicts) for j in learner.judgements]
    corrections = {completion: cpu.drift for completion, (cpu, _) in judged if cpu.drift}
    assert min(corrections) <= 240
    assert min(corrections) >= 200 and corrections[min(corrections)] == pytest.approx(math.log(factor), abs=0.25)
    assert [gpu.drift for _, (_, gpu) in judged] == [0.0] * len(judged)
    late = [cpu for completion, (cpu, _) in judged if completion >= 240]
    assert all(cpu.trusted for cpu in late)
    assert late[-1].error < 0.12


def test_noise_is_no_drift() -> None:
    learner = learner_of(raced(drifting(1.0), Factor, RoundRobin))
    assert not any(verdict.drift for j in learner.judgements for verdict in j.verdicts)


class Remembers(Factor):
    """Keeps what it was given."""

    name = "remembers"

    def __init__(self, context: EstimatorContext, params: LearnerParams) -> None:
        super().__init__(context, params)
        self.given: list[TrainingSamples] = []

    def fit(self, samples: TrainingSamples) -> Answer:
        self.given.append(samples)
        return super().fit(samples)


def test_where_a_device_model_follows_another_law_its_older_samples_are_forgotten_and_those_of_others_are_not() -> None:
    rng = np.random.default_rng(5)
    etc_s = rng.uniform(0.5, 1.5, (400, 2))
    actual_s = etc_s * [2.0, 0.5] * rng.lognormal(0.0, 0.1, (400, 2))
    actual_s[200:, 0] = (etc_s * rng.lognormal(0.7, 1.0, (400, 2)))[200:, 0]  # one factor cannot mend this
    source = workload("law", ("cpu", "gpu"), np.arange(400) * 2.5, actual_s, etc_s=etc_s)
    learner = learner_of(raced(source, Remembers, RoundRobin))
    assert isinstance(learner, Remembers)
    forgot = [j.completion for j in learner.judgements if j.verdicts[0].forgets]
    assert forgot and 200 < forgot[0] <= 260
    assert not any(j.verdicts[1].forgets or j.verdicts[1].drift for j in learner.judgements)
    next_fit = learner.given[forgot[0] // 10 - 1]
    cpu, gpu = (next_fit.completion[next_fit.model == m] for m in (0, 1))
    assert 190 < cpu.min() <= 240
    assert gpu.min() <= forgot[0] - 100 + 2  # the whole window


class Endless(Factor):
    name = "endless"

    def fit(self, samples: TrainingSamples) -> Answer:
        while True:
            time.sleep(0.05)


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_fit_without_an_end_costs_its_lane_alone_and_holds_up_neither_stop_nor_closing(
    cancelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.watchdog.GRACE_S", 0.3)
    monkeypatch.setattr("engine.background.CLOSING_S", 0.2)
    lanes = [
        LaneSpec("endless", Mct(), lambda context: Endless(context, PARAMS)),
        LaneSpec("mct", Mct()),
    ]
    race = Race(tasks([2.0, 1.0]), PAIR, lanes)
    began = time.monotonic()
    with Watchdog(60.0 if cancelled else 0.5, lambda: cancelled and time.monotonic() > began + 0.5) as watchdog:
        race.watchdog = watchdog
        while not race.done and time.monotonic() < began + 20.0:
            race.advance()
            if race.lanes[0].simulation.status == "stopped":
                race.stop()
    race.close()
    endless, mct = race.result().rows
    assert time.monotonic() - began < 10.0
    if cancelled:
        assert endless.status == "stopped"
    else:
        assert (endless.status, mct.status) == ("disqualified", "finished")
        assert "too slow" in (endless.reason or "")
