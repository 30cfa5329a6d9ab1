"""What is said of a learner."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from app.learning_findings import (
    MOST_MODELS,
    calibration_title,
    error_title,
    facts,
    off,
    prediction_title,
    shown_models,
    unjudged,
)
from engine.calibration import LEVELS, Coverage
from engine.learning import Drifted, LearningFrame, ModelFrame

TENTH, HALF = math.log(1.1), math.log(1.5)


def model(name="cpu", since=100, error=TENTH, nominal=HALF, shares=3):
    some_s = np.ones(shares)
    return ModelFrame(
        name, since > 0, since, np.array([error]), np.array([nominal]), some_s, some_s, some_s, np.arange(shares)
    )


def lane(*models, finished=1000, **changes):
    known = {
        "estimator": "forest", "fits": 19, "fitted_at": 950, "completion": np.array([100]), "models": models,
        "switches": (), "drifts": (), "importance": {}, "explored": 0, "exploration_s": 0.0, "problem": "",
    }  # fmt: skip
    return SimpleNamespace(scheduler="hybrid_ml", finished=finished, learning=LearningFrame(**known | changes))


@pytest.mark.parametrize(("factor", "words"), [(1.0, "0\u00a0%"), (1.5, "50\u00a0%"), (2.5, "a factor of 2.5")])
def test_an_error_is_said_in_percent_or_as_a_factor(factor, words):
    assert off(math.log(factor)) == words


def test_a_learner_that_answers_says_since_when_and_how_much_better_it_is():
    told = [text.replace("\u00a0", " ") for text in facts(lane(model(), model("gpu", 150, nominal=math.log(3.0))))]
    assert told[0] == "forest answers for cpu since completion 100 and gpu since completion 150."
    assert told[1] == "It is off by 10 % on cpu and 10 % on gpu; the nominal times are off by 50 % and a factor of 3.0."
    assert told[2] == "Retrained 19 times; the latest fit has seen all but the last 50 tasks."


def test_where_the_nominal_times_are_better_it_says_that_they_answer():
    shown = lane(model("cpu", since=0, error=math.log(1.3), nominal=math.log(1.01)))
    assert facts(shown)[0] == "On cpu the nominal times answer: off by 1\u00a0%, forest by 30\u00a0%."
    assert "nominal times still answer" in error_title(shown)


def test_the_title_says_since_when_learning_pays():
    assert error_title(lane(model("cpu"), model("gpu"))) == "Learned times answer since completion 100"
    assert error_title(lane(model("cpu"), model("gpu", since=0))) == "Learned times answer for cpu since completion 100"
    assert prediction_title(lane(model("cpu"), model("gpu"))) == "Off by 10\u00a0% on cpu and 10\u00a0% on gpu"


def test_before_the_first_judgement_it_says_so_and_claims_nothing():
    early = lane(ModelFrame("cpu", False, 0, *(np.zeros(0) for _ in range(6))), fits=0, fitted_at=0)
    assert facts(early) == ["forest has not been judged yet: the nominal times answer for every task."]
    assert prediction_title(early) == "Predicted against actual"
    assert error_title(early) == "Error over time"
    assert "as soon as a first fit" in unjudged(early, over=False)


def test_a_race_that_ended_before_the_first_judgement_says_that_and_why():
    short = lane(fits=0, fitted_at=0, finished=60)
    assert facts(short, over=True) == ["forest was not judged: the nominal times answered for every task."]
    told = unjudged(short, over=True)
    assert "the race ended before" in told and "hybrid_ml finished 60." in told and "100 tasks if it is not" in told
    assert unjudged(lane(fits=0, problem="It broke."), over=True).endswith("no fit could be used. It broke.")


def test_drifts_exploration_and_problems_are_told():
    shown = lane(
        model("cpu"), drifts=(Drifted(500, 0, 2.0),), explored=7, exploration_s=1.25, problem="'forest' could not."
    )
    told = facts(shown)
    assert "7 tasks went where little was known, to learn: that cost 1.25 s of work." in told
    assert any("completion 500 it noticed that cpu takes 2.0\u00a0x as long as before" in text for text in told)
    assert told[-1] == "'forest' could not."
    forgot = lane(model("cpu"), drifts=(Drifted(500, 0, None),))
    assert "At completion 500 it noticed that cpu follows another law, and forgot" in facts(forgot)[-1]


@pytest.mark.parametrize(
    ("count", "observed", "says"),
    [
        (1000, (0.52, 0.78, 0.91, 0.95), "States 80 %, holds 78 %: honest"),
        (100_000, (0.52, 0.78, 0.91, 0.95), "States 80 %, holds 78 %: honest"),  # off for certain, but by little
        (1000, (0.51, 0.81, 0.86, 0.87), "States 95 %, holds 87 %: too sure of itself"),
        (1000, (0.60, 0.84, 0.91, 0.95), "States 50 %, holds 60 %: too careful"),
        (20, (0.50, 0.70, 0.80, 0.85), "States 80 %, holds 70 % of 20 tasks: too early to tell"),
        (20, (0.20, 0.25, 0.30, 0.35), "States 95 %, holds 35 %: too sure of itself"),
    ],
)
def test_the_title_says_whether_the_stated_spread_is_honest(count, observed, says):
    shares = zip(LEVELS, observed, strict=True)
    shown = lane(model(), calibration=tuple(Coverage(level, round(count * share), count) for level, share in shares))
    assert calibration_title(shown).replace("\u00a0", " ") == says
    assert f"How sure it is: s{calibration_title(shown)[1:]}." in facts(shown)


def test_of_a_learner_that_states_no_spread_nothing_is_said():
    assert calibration_title(lane(model())) == ""
    assert not any("How sure" in text for text in facts(lane(model())))


def test_of_many_device_models_those_are_shown_on_which_most_ran():
    many = [model(f"m{i}", shares=i) for i in range(10)]
    assert [m.model for m in shown_models(lane(*many).learning)] == [f"m{i}" for i in range(10 - MOST_MODELS, 10)]
