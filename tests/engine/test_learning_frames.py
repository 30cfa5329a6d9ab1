"""What the window is shown of a learner: right, of bounded size, and without a trace in the race."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from engine.cluster import Cluster, Device
from engine.estimator import EstimatorContext
from engine.frames import FrameMaker
from engine.learner import Answer, Learner, LearnerParams
from engine.learning import MOST_EVENTS, MOST_POINTS, MOST_SHARES, LearningFrame, LearningRecord
from engine.race import LaneSpec, Race
from engine.training import TrainingSamples
from engine.verdict import Judgement, Verdict
from engine.workload import Workload, workload
from plugins.estimators.forest import Forest
from plugins.schedulers.mct import Mct

PAIR = Cluster("pair", (Device(0, "cpu", "cpu", "cpu"), Device(1, "gpu", "gpu", "gpu")))


def tasks(factor: Sequence[float], n: int = 120) -> Workload:
    """Tasks whose true seconds are the nominal ones times one factor a device model."""
    rng = np.random.default_rng(3)
    etc_s = rng.uniform(0.5, 1.5, (n, 2))
    true_s = etc_s * np.array(factor)
    features = np.column_stack([np.log(etc_s[:, 0]), rng.integers(0, 3, n)])
    return workload(
        "factor", ("cpu", "gpu"), np.arange(n) * 0.8, true_s, etc_s=etc_s,
        features=features, feature_names=("log_size", "kind"),
    )  # fmt: skip


class Doubles(Learner):
    """Says always the same: the nominal seconds twice."""

    name = "doubles"

    def fit(self, samples: TrainingSamples) -> Answer:
        return lambda index: [2.0 * s for s in self._nominal[index]]


class Explains(Doubles):
    name = "explains"

    def importance(self) -> Mapping[str, float]:
        return {"kind": 0.5}


class CannotExplain(Doubles):
    name = "cannot"

    def importance(self) -> Mapping[str, float]:
        raise ArithmeticError("no idea")


class LeavesInstead(Doubles):
    name = "leaves"

    def importance(self) -> Mapping[str, float]:
        raise SystemExit(3)


class SaysNonsense(Doubles):
    name = "nonsense"

    def importance(self) -> Mapping[str, float]:
        return {"kind": "much"}  # type: ignore[dict-item]


class GivesUp(Doubles):
    """Good for the first tasks, by which it is judged, then nonsense."""

    name = "gives_up"

    def fit(self, samples: TrainingSamples) -> Answer:
        return lambda index: [2.0 * s if index < 105 else -1.0 for s in self._nominal[index]]


def race_of(source: Workload, learner: type[Learner], params: LearnerParams | None = None) -> Race:
    params = params or learner.Params(interval=10, window=100)

    def estimator(context: EstimatorContext) -> Learner:
        return learner(context, params)

    return Race(source, PAIR, [LaneSpec("rule", Mct(), estimator), LaneSpec("mct", Mct())])


def learning_at_the_end(race: Race, frames_on_the_way: bool = False) -> LearningFrame:
    maker = FrameMaker(race)
    while race.advance(events=30):
        if frames_on_the_way:
            maker.frame(None)
    frame = maker.frame(None)
    race.close()
    assert frame.lanes[1].learning is None
    learning = frame.lanes[0].learning
    assert learning is not None
    return learning


def test_the_snapshot_is_what_was_judged() -> None:
    source = tasks([2.0, 1.0])
    learning = learning_at_the_end(race_of(source, Doubles))
    assert (learning.estimator, learning.fits, learning.fitted_at, learning.problem) == ("doubles", 11, 110, "")
    assert learning.completion.tolist() == list(range(20, 121, 10))
    cpu, gpu = learning.models
    assert (cpu.model, cpu.trusted, gpu.model, gpu.trusted) == ("cpu", True, "gpu", False)
    assert cpu.predicted_s == pytest.approx(cpu.observed_s)
    assert cpu.predicted_s == pytest.approx(2.0 * cpu.nominal_s)
    assert gpu.nominal_s == pytest.approx(gpu.observed_s)
    assert cpu.nominal_s.tolist() == source.etc_s[cpu.task, 0].tolist()
    assert gpu.nominal_s.tolist() == source.etc_s[gpu.task, 1].tolist()
    assert cpu.error[-1] == pytest.approx(0.0, abs=1e-12)
    assert cpu.nominal_error[-1] == pytest.approx(math.log(2.0))
    assert gpu.error[-1] == pytest.approx(math.log(2.0))
    assert learning.switches == ((cpu.trusted_since, 0, True),)
    assert gpu.trusted_since == 0


def test_what_was_predicted_of_a_share_was_predicted_by_a_fit_that_had_not_seen_it() -> None:
    race = race_of(tasks([2.0, 1.0]), Doubles)
    learning = learning_at_the_end(race)
    samples = race.lanes[0].simulation.samples.latest(10**9, 10**9)
    unseen = samples.work_s[(samples.model == 0) & (samples.completion > 10)]
    assert learning.models[0].observed_s.tolist() == unseen.tolist()


def test_watching_a_learner_changes_no_bit_of_its_race() -> None:
    source = tasks([2.5, 0.4], 600)
    params = Forest.Params(interval=10, window=100)
    unwatched = race_of(source, Forest, params)
    while unwatched.advance():
        pass
    unwatched.close()
    watched = race_of(source, Forest, params)
    assert learning_at_the_end(watched, frames_on_the_way=True).importance
    assert watched.result().digest == unwatched.result().digest


def test_the_record_stays_small_however_long_the_race() -> None:
    record = LearningRecord(("cpu",))
    for number in range(1, 5001):
        trusted = bool(number % 2)
        record.predicted([np.ones(30, dtype=bool)], np.full(30, float(number)), np.ones((2, 30)), np.arange(30))
        record.judged(Judgement(number, number - 1, (Verdict(30, number, 1.0, trusted, 0.1 * trusted, False),)))
    learner = Doubles(EstimatorContext(("cpu",), np.ones((1, 1)), np.zeros((1, 0)), (), None, 0))
    completion, (cpu,) = record.frames(learner)
    assert MOST_POINTS / 2 <= len(completion) <= MOST_POINTS + 1
    assert (completion[0], completion[-1]) == (1, 5000)
    assert len(set(np.diff(completion[:-1]).tolist())) == 1
    assert cpu.error.tolist() == completion.tolist()
    assert len(cpu.predicted_s) == MOST_SHARES
    assert cpu.predicted_s[-1] == 5000
    assert len(record.switches) == len(record.drifts) == MOST_EVENTS
    assert record.switches[-1] == (5000, 0, False)
    assert record.drifts[-1] == (4999, 0, pytest.approx(math.exp(0.1)))
    record.judged(Judgement(5001, 5000, (Verdict(30, 1.0, 1.0, True, 0.0, True),)))
    assert record.drifts[-1] == (5001, 0, None)
    assert cpu.trusted_since == 1


def test_what_exploring_has_cost_is_the_learners_own_account() -> None:
    race = race_of(tasks([1.0, 1.0]), Doubles)
    exploration = race.lanes[0].simulation.estimator.exploration
    exploration.tasks, exploration.price_s = 3, 1.5
    learning = FrameMaker(race).frame(None).lanes[0].learning
    race.close()
    assert (learning.explored, learning.exploration_s) == (3, 1.5)


def test_before_the_first_fit_there_is_an_empty_snapshot() -> None:
    race = race_of(tasks([2.0, 1.0]), Doubles)
    learning = FrameMaker(race).frame(None).lanes[0].learning
    race.close()
    assert learning is not None
    assert (learning.fits, learning.fitted_at, len(learning.completion)) == (0, 0, 0)
    assert [len(model.observed_s) for model in learning.models] == [0, 0]


def test_a_snapshot_is_made_anew_only_when_there_is_something_new() -> None:
    race = race_of(tasks([2.0, 1.0]), Doubles)
    maker = FrameMaker(race)
    race.advance(events=100)
    first, second = maker.frame(None).lanes[0].learning, maker.frame(None).lanes[0].learning
    race.close()
    assert first is second


def test_a_learner_may_say_which_features_count() -> None:
    assert learning_at_the_end(race_of(tasks([2.0, 1.0]), Explains)).importance == {"kind": 0.5}


@pytest.mark.parametrize("learner", [CannotExplain, LeavesInstead, SaysNonsense])
def test_a_learner_that_fails_to_say_so_is_shown_without(learner: type[Learner]) -> None:
    learning = learning_at_the_end(race_of(tasks([2.0, 1.0]), learner))
    assert learning.importance == {}
    assert learning.fits == 11


def test_a_learner_whose_answers_are_no_seconds_is_shown_as_not_used() -> None:
    learning = learning_at_the_end(race_of(tasks([2.0, 2.0]), GivesUp, LearnerParams(interval=50, window=100)))
    assert "nominal times are used" in learning.problem
    assert [model.trusted for model in learning.models] == [False, False]


def test_a_forest_knows_which_feature_its_times_hang_on() -> None:
    rng = np.random.default_rng(1)
    n = 400
    etc_s = rng.uniform(0.5, 1.5, (n, 2))
    kind, chance = rng.integers(0, 2, n), rng.normal(size=n)
    true_s = etc_s * (np.where(kind, 3.0, 1.0) * rng.lognormal(0.0, 0.1, n))[:, None]
    source = workload(
        "kinds", ("cpu", "gpu"), np.arange(n) * 2.0, true_s, etc_s=etc_s,
        features=np.column_stack([chance, kind]), feature_names=("chance", "kind"),
    )  # fmt: skip
    importance = learning_at_the_end(race_of(source, Forest, Forest.Params())).importance
    assert list(importance) == ["chance", "kind", "nominal cpu", "nominal gpu"]
    # exchanged at random, half of the tasks get the other kind: an error of log 3 for them
    assert importance["kind"] == pytest.approx(0.5 * math.log(3.0), abs=0.15)
    assert abs(importance["chance"]) < 0.05
