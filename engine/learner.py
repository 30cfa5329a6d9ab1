"""An estimator that is retrained while the race runs: when, on what, and whether it is believed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.background import Background, result_of
from engine.calibration import Calibration, Factors
from engine.change import DRIFTED, USUAL, Change
from engine.completion import Completion
from engine.errors import sentence_of
from engine.estimator import Estimator, EstimatorContext, Seconds
from engine.exploration import Exploration
from engine.learning import LearningRecord
from engine.params import parameter
from engine.task import Task
from engine.training import TrainingSamples
from engine.verdict import Judge, Judgement, Verdict
from engine.workload import FloatArray, IntArray

Answer = Callable[[int], Seconds]
"""From a task's index to its seconds on each device model, as a fit has learned them."""
JUDGED = 32
"""Latest samples on which a fit is judged: each costs as much as a placement's answer."""
KEPT = 256
"""Latest judgements that are kept, however long the race."""


@dataclass(frozen=True)
class LearnerParams:
    """The schedule of every :class:`Learner`; its own parameters are added in a subclass."""

    interval: int = parameter(50, "Completions between two retrainings, and from a retraining to its use", low=1)
    window: int = parameter(1000, "Latest samples that a retraining sees", low=10)


class Learner(Estimator):
    """Write :meth:`fit`; the schedule, the background, the comparison with the nominal times and the safety are here.

    At completion k (every ``interval``) the last ``window`` samples go to :meth:`fit` in a background thread, unless
    none is new. At completion k + ``interval``, however long the fit took, it is judged on the samples that have come
    since: on a device model where its logarithms of the seconds are closer to the truth than the nominal ones it
    answers from then on, on the others the nominal times do. So a race stays reproducible, and a model that does not
    pay is not used. (A race that starts warm begins with a fit on its history, which is judged as any other.) Where its
    answers are all too short (or too long) by one factor, the device model has drifted: they are corrected by it at
    once, and so are the older samples for the fits to come; where some have become too short and others too long, the
    older samples are forgotten (:mod:`engine.change`). A fit that raises, or answers no seconds, is left out, with the
    reason in :attr:`problem`. A device model of which too little is known is tried now and then
    (:class:`engine.exploration.Exploration`). It may say how sure it is (:meth:`spread`).
    """

    Params = LearnerParams
    learns = True

    def __init__(self, context: EstimatorContext, params: Any = None) -> None:
        super().__init__(context, params)
        self.fits = 0
        """How many could be used."""
        self.judgements: deque[Judgement] = deque(maxlen=KEPT)
        self.record = LearningRecord(context.models)
        self.calibration = Calibration(len(context.models))
        self.exploration = Exploration(len(context.nominal_s))
        self._nominal: list[list[float]] = context.nominal_s.tolist()
        self._answer: Answer | None = None
        self._trusted = [False] * len(context.models)
        self._judges = [Judge() for _ in context.models]
        self._changes: list[tuple[int, Change]] = []  # of which device model
        self._unusable: str | None = None  # why the last fit, and below why the spread is not asked for any more
        self._unsure: str | None = None
        self._answers: dict[int, Seconds] = {}
        self._fit: Future[Answer] | None = None
        self._fitted_at = self._due = self._last_sample = self._active = 0
        self._worker: Background | None = None

    def fit(self, samples: TrainingSamples) -> Answer:
        """Return what was learned from these samples (at least one).

        Called in a background thread, one call at a time: it must depend on nothing but its arguments, the context and
        earlier fits, for only then a race gives the same bits again.
        """
        raise NotImplementedError

    def spread(self, task: int, model: int, chance: float) -> Factors | None:
        """Return between which factors (low, high) of the seconds that the last fit answers, for a task's index and a
        device model, the true ones lie with a chance (0..1). The default, None, means that it is not known.

        Stated for :data:`engine.calibration.LEVELS` it is compared with what happened. Called between two fits, by the
        thread of the race: what :meth:`fit` has kept is that of the last fit. One that raises, or returns no factors
        above 0, is asked no more in this race, with the reason in :attr:`problem`.
        """
        return None

    def usual_spread(self, model: int, chance: float) -> Factors | None:
        """Return the spread by how far the fits were off lately on samples that they had not seen, the same for all
        tasks: an answer for :meth:`spread`. None where too few are known (:class:`engine.calibration.UnseenErrors`).
        """
        return self._judges[model].unseen.factors(chance)

    def importance(self) -> Mapping[str, float]:
        """Return by how much the mean absolute error of the logarithm grows, over what the last fit learned from, where
        the values of a feature are exchanged at random. The default, nothing, means that it is not known.

        Called in the background thread between two fits, and only while somebody looks on: it must change nothing.
        """
        return {}

    def ask_importance(self) -> Future[Mapping[str, float]] | None:
        """Have :meth:`importance` computed; None when nothing has been fitted yet."""
        return None if self._worker is None else self._worker.submit(self.importance)

    @property
    def problem(self) -> str | None:
        """A sentence about the last fit that could not be used, None after one that could; or about a spread."""
        return self._unusable or self._unsure

    @property
    def trusted(self) -> tuple[bool, ...]:
        """Whether what was learned answers, for each device model; else the nominal times do."""
        return tuple(trusted and self._answer is not None for trusted in self._trusted)

    @property
    def active_models(self) -> int:
        """How many fits have answered for some device model."""
        return self._active

    def seconds(self, task: Task) -> Seconds:
        """See :meth:`engine.estimator.Estimator.seconds`."""
        answer = self._answers.get(task.index)
        if answer is None:
            answer = self._answers[task.index] = self.exploration.tempt(task.index, self._mixed(task.index))
        return answer

    def observe(self, completion: Completion) -> None:
        """Judge a fit that is due, and begin the next one."""
        number = completion.number
        self._answers.pop(completion.task.index, None)
        self.exploration.settle(completion)
        if self._fit is not None and number == self._due:
            self._finish_fit(self._fit, number)
            self._fit = None
        if self.context.warm and number == 1:
            self._begin_fit(0)
        elif self._fit is None and number % self.params.interval == 0:
            self._begin_fit(number)

    def account(self) -> dict[str, Any]:
        """See :meth:`engine.estimator.Estimator.account`: the fits, the last verdict on each device model (errors are
        those of :class:`Verdict`), how often the spread that was stated held, the tasks and seconds of exploration, and
        :attr:`problem`."""
        last = self.judgements[-1].verdicts if self.judgements else ()
        return {
            "fits": self.fits,
            "models": {
                model: {"trusted": v.trusted, "error": _or_none(v.error), "nominal_error": _or_none(v.nominal_error)}
                for model, v in zip(self.context.models, last, strict=False)  # no verdicts before the first fit
            },
            "calibration": [
                {"stated": c.stated, "observed": c.observed, "count": c.count} for c in self.calibration.of_all()
            ],
            "exploration": {"tasks": self.exploration.tasks, "price_s": self.exploration.price_s},
            "problem": self.problem,
        }

    def close(self) -> None:
        """See :meth:`engine.estimator.Estimator.close`."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _mixed(self, index: int) -> Seconds:
        nominal = self._nominal[index]
        if self._answer is None:
            return nominal
        try:
            learned = _checked(self._answer(index), nominal)
        except Exception as error:  # a stranger's model
            self._give_up(error, "answers")
            return nominal
        return [s if trusted else n for s, n, trusted in zip(learned, nominal, self._trusted, strict=True)]

    def _begin_fit(self, number: int) -> None:
        samples = self.context.window.latest(number, self.params.window)
        if not len(samples) or int(samples.sample[-1]) == self._last_sample:
            return
        self._last_sample = int(samples.sample[-1])
        self.exploration.look(samples, len(self.context.models))
        self._fitted_at, self._due = number, number + self.params.interval
        if self._worker is None:
            self._worker = Background(self.name)
        self._fit = self._worker.submit(self.fit, self._as_of_now(samples))

    def _as_of_now(self, samples: TrainingSamples) -> TrainingSamples:
        """Return samples with the seconds that they would have had if the device models had always been as now, without
        those of which that is not known."""
        oldest = int(samples.completion[0])
        self._changes = [(model, change) for model, change in self._changes if change.until >= oldest]
        if not self._changes:
            return samples
        work_s, known = samples.work_s.copy(), np.ones(len(samples), dtype=bool)
        for model, change in self._changes:
            before = (samples.model == model) & (samples.completion <= change.until)
            if change.drift is None:
                known &= ~before
            else:
                work_s[before] *= math.exp(change.drift)
        return replace(samples, work_s=work_s).where(known)

    def _finish_fit(self, fit: Future[Answer], number: int) -> None:
        fresh = self.context.window.latest(number, self.params.window)
        rows = np.flatnonzero((fresh.completion > self._fitted_at) & (fresh.work_s > 0))[-JUDGED:]
        try:
            answer = result_of(fit)
            learned = {task: _checked(answer(task), self._nominal[task]) for task in fresh.task[rows].tolist()}
            if not self._fitted_at:
                self._expect(answer)
        except Exception as error:  # a stranger's fit, or what it returned: the one before goes on
            self._unusable = f"'{self.name}' could not be retrained: {sentence_of(error, {type(self).__module__})}"
            return
        verdicts = self._judge(fresh, rows, learned)
        self._unusable = None
        self.fits += 1
        self.judgements.append(Judgement(number, self._fitted_at, verdicts))
        self.record.judged(self.judgements[-1])
        self._trusted = [verdict.trusted for verdict in verdicts]
        self._answer = _corrected(answer, [verdict.drift for verdict in verdicts]) if any(self._trusted) else None
        self._active += self._answer is not None
        self._answers.clear()

    def _expect(self, answer: Answer) -> None:
        """Note how well what was learned from a history fits that, so that one of another world is soon forgotten."""
        history = self.context.window.latest(0, self.params.window)
        for model, judge in enumerate(self._judges):
            rows = np.flatnonzero(history.model == model)[-USUAL:]
            seconds = np.array([_checked(answer(t), self._nominal[t])[model] for t in history.task[rows].tolist()])
            errors = np.abs(np.log(seconds / history.work_s[rows]))
            judge.watch.settle(np.maximum(errors, DRIFTED))  # on what it learned from they are too small, perhaps 0

    def _judge(self, fresh: TrainingSamples, rows: IntArray, learned: Mapping[int, Seconds]) -> tuple[Verdict, ...]:
        models = fresh.model[rows]
        pairs = zip(fresh.task[rows].tolist(), models.tolist(), strict=True)
        seconds = np.array([learned[task][model] for task, model in pairs])
        true = np.log(fresh.work_s[rows])
        errors, nominal_errors = np.log(seconds) - true, np.log(fresh.nominal_s[rows]) - true
        of_model = [models == model for model in range(len(self._trusted))]
        shares = np.vstack([fresh.nominal_s[rows], fresh.work_s[rows]])
        self.record.predicted(of_model, seconds, shares, fresh.task[rows])
        self._score(fresh.task[rows], models, fresh.work_s[rows] / seconds)
        completions = fresh.completion[rows]
        verdicts = []
        for model, mine in enumerate(of_model):
            verdict, change = self._judges[model].see(completions[mine], errors[mine], nominal_errors[mine])
            verdicts.append(verdict)
            if change is not None:
                self._changes.append((model, change))
        return tuple(verdicts)

    def _score(self, tasks: IntArray, models: IntArray, ratios: FloatArray) -> None:
        """Compare the spread of a fit with what happened: true / answered seconds."""
        if self._unsure is None:
            try:
                self.calibration.score(self.spread, zip(tasks.tolist(), models.tolist(), ratios.tolist(), strict=True))
            except Exception as error:  # a stranger's spread: the fit may be good all the same
                why = sentence_of(error, {type(self).__module__})
                self._unsure = f"'{self.name}' could not say how sure it is, and is asked no more in this race: {why}"

    def _give_up(self, error: Exception, doing: str) -> None:
        self._unusable = (
            f"'{self.name}' gave no usable {doing}, so the nominal times are used until it is retrained: "
            f"{sentence_of(error, {type(self).__module__})}"
        )
        self._answer = None
        self._answers.clear()


def _checked(learned: Sequence[float], nominal: Sequence[float]) -> Seconds:
    """Return learned seconds, inf where the task cannot run by the nominal ones; ValueError when they cannot be."""
    if len(learned) != len(nominal):
        raise ValueError(f"{len(learned)} values for {len(nominal)} device models")
    seconds = [s if n < math.inf else n for s, n in zip(learned, nominal, strict=True)]
    if not all(0.0 < s < math.inf or n == math.inf for s, n in zip(seconds, nominal, strict=True)):
        raise ValueError(f"{list(learned)!r} seconds; they must be above 0")
    return seconds


def _corrected(answer: Answer, drifts: Sequence[float]) -> Answer:
    """Return the answer with its logarithms on each device model moved by a drift."""
    if not any(drifts):
        return answer
    factors = [math.exp(drift) for drift in drifts]
    return lambda index: [s * factor for s, factor in zip(answer(index), factors, strict=True)]


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
