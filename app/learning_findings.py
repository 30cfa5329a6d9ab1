"""What a learning policy has learned, in sentences; each a pure function of a lane of a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.texts import joined, number, percent, plural, seconds
from engine.learner import LearnerParams

if TYPE_CHECKING:
    from engine.calibration import Coverage
    from engine.frame import LaneFrame
    from engine.learning import Drifted, LearningFrame, ModelFrame

MOST_MODELS = 4
"""Device models that are shown: those on which most has run lately."""

NEAR = 0.03
"""Shares of tasks that are no farther from what was stated count as right, however many tasks there are."""
EARLY = 0.2
"""A confidence band as wide as this allows no finding: some 60 tasks."""
SPOKEN_OF = 0.8
"""The chance of which is spoken where none is certainly wrong."""


def shown_models(learning: LearningFrame) -> list[ModelFrame]:
    """Return the device models that are shown, in the cluster's order."""
    by_use = sorted(learning.models, key=lambda model: len(model.observed_s), reverse=True)
    return [model for model in learning.models if model in by_use[:MOST_MODELS]]


def off(error: float) -> str:
    """Return the error of a logarithm as what seconds are off by: ``9 %``, or from twice on ``a factor of 2.3``."""
    return percent(math.expm1(error)) if error < math.log(2.0) else f"a factor of {number(math.exp(error), 2)}"


def prediction_title(lane: LaneFrame) -> str:
    """Return by how much what was learned is off now."""
    judged = [model for model in shown_models(_of(lane)) if _judged(model)]
    if not judged:
        return "Predicted against actual"
    return f"Off by {joined([f'{off(m.error[-1])} on {m.model}' for m in judged])}"


def error_title(lane: LaneFrame) -> str:
    """Return whether learning pays, and since when."""
    learning = _of(lane)
    if not learning.fits:
        return "Error over time"
    answering = [model for model in learning.models if model.trusted]
    if not answering:
        return "The nominal times still answer: nothing learned has been closer to the truth so far"
    starts = {model.trusted_since for model in answering}
    if len(answering) == len(learning.models) and len(starts) == 1:
        return f"Learned times answer since completion {starts.pop():,}"
    return f"Learned times answer for {_since(answering)}"


def calibration_title(lane: LaneFrame) -> str:
    """Return whether the spread that is stated holds as often as it should; empty where none is stated.

    It speaks of the chance that is most certainly wrong, where one is.
    """
    calibration = _of(lane).calibration
    if not calibration:
        return ""
    worst = max(calibration, key=_certainly_off)
    if _certainly_off(worst) > 0.0:
        found = "too sure of itself" if worst.observed < worst.stated else "too careful"
        return f"{_states(worst)}: {found}"
    spoken = min(calibration, key=lambda coverage: abs(coverage.stated - SPOKEN_OF))
    low, high = spoken.band
    if high - low >= EARLY:
        return f"{_states(spoken)} of {plural(spoken.count, 'task')}: too early to tell"
    return f"{_states(spoken)}: honest"


def unjudged(lane: LaneFrame, over: bool) -> str:
    """Return when there will be something to compare, or why there was nothing in a race that is over."""
    if not over:
        return "Something is seen here as soon as a first fit has been compared with tasks that it had not seen."
    learning = _of(lane)
    if learning.problem:
        return f"Nothing is seen here, because no fit could be used. {learning.problem}"
    return (
        "Nothing is seen here, because the race ended before a first fit had been compared with tasks that it had not "
        f"seen. That takes twice the parameter 'interval' ({2 * LearnerParams().interval:,} tasks if it is not set); "
        f"{lane.scheduler} finished {lane.finished:,}. Race more tasks."
    )


def facts(lane: LaneFrame, over: bool = False) -> list[str]:
    """Return what is to be said of a learner, the most important first, in a race that goes on or is over."""
    learning = _of(lane)
    if not learning.fits:
        tense = ("was not judged", "answered") if over else ("has not been judged yet", "answer")
        waiting = [f"{learning.estimator} {tense[0]}: the nominal times {tense[1]} for every task."]
        return [*waiting, learning.problem] if learning.problem else waiting
    models = shown_models(learning)
    answering = [model for model in models if model.trusted]
    found = [f"{learning.estimator} answers for {_since(answering)}."] if answering else []
    found += _error_sentences(learning.estimator, [model for model in models if _judged(model)])
    if calibration := calibration_title(lane):
        found.append(f"How sure it is: {calibration[0].lower()}{calibration[1:]}.")
    age = max(lane.finished - learning.fitted_at, 0)
    found.append(f"Retrained {_times(learning.fits)}; the latest fit has seen all but the last {plural(age, 'task')}.")
    if learning.explored:
        price = f"{seconds(learning.exploration_s)} of work" if learning.exploration_s > 0 else "nothing"
        found.append(f"{plural(learning.explored, 'task')} went where little was known, to learn: that cost {price}.")
    if learning.drifts:
        found.append(_drift_sentence(learning, learning.drifts[-1]))
    if learning.problem:
        found.append(learning.problem)
    return found


def drift_mark(learning: LearningFrame, drift: Drifted) -> str:
    """Return a drift in a few words: ``gpu takes 2.0 x as long``, or ``gpu follows another law``."""
    model = learning.models[drift.model].model
    if drift.factor is None:
        return f"{model} follows another law"
    return f"{model} takes {number(drift.factor, 2)}\u00a0x as long"


def _of(lane: LaneFrame) -> LearningFrame:
    assert lane.learning is not None, "only lanes that learn are described"
    return lane.learning


def _judged(model: ModelFrame) -> bool:
    return len(model.error) > 0 and math.isfinite(model.error[-1])


def _since(answering: Sequence[ModelFrame]) -> str:
    """Return for which device models what is learned answers, and since which completion."""
    by_start: dict[int, list[str]] = {}
    for model in answering:
        by_start.setdefault(model.trusted_since, []).append(model.model)
    return joined([f"{joined(names)} since completion {start:,}" for start, names in sorted(by_start.items())])


def _error_sentences(estimator: str, judged: Sequence[ModelFrame]) -> list[str]:
    """Return what is off by how much: the learned times where they answer, and both where the nominal ones do."""
    answering = [model for model in judged if model.trusted]
    sentences = []
    if answering:
        learned = joined([f"{off(model.error[-1])} on {model.model}" for model in answering])
        nominal = joined([off(model.nominal_error[-1]) for model in answering])
        sentences.append(f"It is off by {learned}; the nominal times are off by {nominal}.")
    return sentences + [
        f"On {model.model} the nominal times answer: off by {off(model.nominal_error[-1])}, {estimator} by "
        f"{off(model.error[-1])}."
        for model in judged
        if not model.trusted
    ]


def _states(coverage: Coverage) -> str:
    return f"States {percent(coverage.stated)}, holds {percent(coverage.observed)}"


def _certainly_off(coverage: Coverage) -> float:
    """Return how far the near end of the confidence band is from what counts as right; at most 0 where it is in it."""
    low, high = coverage.band
    return max(low - coverage.stated - NEAR, coverage.stated - NEAR - high)


def _drift_sentence(learning: LearningFrame, drift: Drifted) -> str:
    seen = f"At completion {drift.completion:,} it noticed that {drift_mark(learning, drift)}"
    if drift.factor is None:
        return f"{seen}, and forgot what it had learned of it before."
    return f"{seen} as before, and corrected what it had learned at once."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
