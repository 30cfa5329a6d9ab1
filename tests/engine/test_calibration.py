"""How sure a learner is: right whatever its errors look like, judged on what no fit had seen, and never in the way."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from engine.calibration import LEVELS, REMEMBERED, Calibration, Coverage, Factors, UnseenErrors
from engine.learner import Learner
from engine.workload import Workload, workload
from plugins.schedulers.round_robin import RoundRobin
from tests.engine.test_learner import Factor, learner_of, raced, tasks

NOISE = 0.2


def noisy(n: int = 1500) -> Workload:
    """Tasks whose true seconds are the nominal ones times a factor and log-normal noise."""
    rng = np.random.default_rng(4)
    etc_s = rng.uniform(0.5, 1.5, (n, 2))
    return workload(
        "noisy", ("cpu", "gpu"), np.arange(n) * 2.0, etc_s * [2.0, 0.5] * rng.lognormal(0.0, NOISE, (n, 2)), etc_s=etc_s
    )


class Usual(Factor):
    name = "usual"

    def spread(self, task: int, model: int, chance: float) -> Factors | None:
        return self.usual_spread(model, chance)


class Narrow(Factor):
    """Believes in half the noise that there is."""

    name = "narrow"

    def spread(self, task: int, model: int, chance: float) -> Factors | None:
        reach = {0.5: 0.6745, 0.8: 1.2816, 0.9: 1.6449, 0.95: 1.96}[chance] * NOISE / 2
        return math.exp(-reach), math.exp(reach)


def stating(answer: Callable[[], Factors | None]) -> type[Learner]:
    class Says(Factor):
        name = "says"

        def spread(self, task: int, model: int, chance: float) -> Factors | None:
            return answer()

    return Says


def test_the_usual_spread_holds_as_often_as_it_says_and_one_of_half_the_noise_does_not() -> None:
    usual, narrow = (learner_of(raced(noisy(), each, RoundRobin)).calibration.of_all() for each in (Usual, Narrow))
    assert [c.stated for c in usual] == list(LEVELS)
    for coverage in usual:
        low, high = coverage.band
        assert low <= coverage.stated <= high
        assert coverage.count > 1200
    # within z / 2 of a normal distribution
    assert [c.observed for c in narrow] == pytest.approx([0.264, 0.478, 0.589, 0.673], abs=0.04)


def test_stating_a_spread_changes_no_bit_of_the_race() -> None:
    silent, loud = (raced(noisy(400), each) for each in (Factor, Usual))
    assert learner_of(silent).calibration.of_all() == () != learner_of(loud).calibration.of_all()
    assert silent.ledger.digest() == loud.ledger.digest()


def test_what_is_scored_was_seen_by_no_fit_that_stated_a_spread_for_it() -> None:
    learner = learner_of(raced(tasks([2.0, 1.0]), stating(lambda: (0.5, 2.0))))
    of_cpu = learner.calibration.of_model(0)
    judged = sum(j.verdicts[0].samples for j in learner.judgements)
    assert of_cpu == tuple(Coverage(level, judged, judged) for level in LEVELS)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda: (-1.0, 2.0), "(-1.0, 2.0) as factors; they must be above 0"),
        (lambda: (math.nan, 2.0), "(nan, 2.0) as factors"),
        (lambda: (2.0, 0.5), "the smaller one first"),
        (lambda: 1 / 0, "it raised ZeroDivisionError: division by zero at test_calibration.py, line"),
    ],
)
def test_a_spread_that_cannot_be_is_a_sentence_and_ends_the_stating_but_not_the_learning(
    answer: Callable[[], Factors | None], why: str
) -> None:
    said: list[int] = []

    def once() -> Factors | None:
        said.append(1)
        return answer()

    simulation = raced(tasks([2.0, 1.0]), stating(once))
    learner = learner_of(simulation)
    assert len(said) == 1 and why in (learner.problem or "")
    assert "'says' could not say how sure it is, and is asked no more in this race: " in (learner.problem or "")
    assert learner.calibration.of_all() == () and learner.account()["calibration"] == []
    assert simulation.ledger.digest() == raced(tasks([2.0, 1.0]), Factor).ledger.digest()


def test_of_a_task_whose_spread_is_not_known_at_each_chance_nothing_is_counted() -> None:
    calibration = Calibration(1)
    calibration.score(lambda task, model, chance: (0.5, 2.0) if chance < 0.9 else None, [(0, 0, 1.0)])
    assert calibration.of_all() == ()


def test_the_usual_spread_is_that_of_the_latest_errors_and_needs_enough_of_them() -> None:
    unseen = UnseenErrors()
    unseen.add(np.arange(1.0, 19.0) / 100)  # 18
    assert unseen.factors(0.95) is None
    assert unseen.factors(0.9) == pytest.approx((math.exp(-0.18), math.exp(0.18)))  # the ceil(19 x 0.9) = 18th
    assert unseen.factors(0.5) == pytest.approx((math.exp(-0.10), math.exp(0.10)))
    unseen.add(np.full(REMEMBERED, -0.5))
    assert unseen.factors(0.01) == pytest.approx((math.exp(-0.5), math.exp(0.5)))
    unseen.forget()
    assert unseen.factors(0.01) is None
    unseen.add(np.zeros(REMEMBERED))  # exact: there is nothing to be unsure of
    assert unseen.factors(0.9) is None


def test_the_band_is_that_of_wilson() -> None:
    low, high = Coverage(0.8, 81, 263).band  # Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263
    assert (low, high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Coverage(0.8, 0, 20).band == pytest.approx((0.0, 0.1611), abs=5e-5)
