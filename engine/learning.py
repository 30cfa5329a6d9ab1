"""What a learner has shown of itself so far: a record of bounded size, and the snapshot of it for the window."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.calibration import Coverage
from engine.workload import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from engine.learner import Learner
    from engine.verdict import Judgement

MOST_SHARES = 500
"""Latest predictions of each device model that are kept."""
MOST_POINTS = 256
"""Judgements of which the errors are kept; when there are more, every second one goes."""
MOST_EVENTS = 16
"""Latest changes of trust, and latest drifts, that are kept."""
EXPLAINED_EVERY = 500
EXPLAINED_GROWTH = 1.25
"""The importance of features is asked for after as many more completions: seldom enough to cost nothing."""
LAST_WAIT_S = 1.0


class Switch(NamedTuple):
    """From ``completion`` on the learner answers for a device model (``trusted``), or the nominal times do again."""

    completion: int
    model: int
    trusted: bool


class Drifted(NamedTuple):
    """At ``completion`` it was noticed that a device model takes ``factor`` x as long as before; None: that it follows
    another law."""

    completion: int
    model: int
    factor: float | None


@dataclass(frozen=True, slots=True, eq=False)
class ModelFrame:
    """What is known of the learning of one device model.

    ``trusted``: its times are the learned ones; ``trusted_since``: the completion since which they first were, 0 if
    never. ``error``/``nominal_error``: mean absolute errors of the logarithm of the seconds (see
    :class:`engine.verdict.Verdict`), one for each of :attr:`LearningFrame.completion`; nan: not known yet.
    ``predicted_s``/``nominal_s``/``observed_s``: seconds of the whole task at speed 1, of the latest shares that ended
    here: as the fit that was being judged said, which had not seen them, as the workload says, and as they were;
    ``task``: of which tasks they were.
    ``calibration``: how often the spread that was stated held, empty where none was.
    """

    model: str
    trusted: bool
    trusted_since: int
    error: FloatArray
    nominal_error: FloatArray
    predicted_s: FloatArray
    nominal_s: FloatArray
    observed_s: FloatArray
    task: IntArray
    calibration: tuple[Coverage, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LearningFrame:
    """A learner at one instant; of bounded size, however long the race.

    ``fitted_at`` is the completion up to which the fit in use has learned (0: none yet), ``problem`` a sentence about
    the last fit, if it could not be used, or about the spread. ``importance``: by how much the error of a logarithm
    grows where the values of a feature are exchanged at random; empty where that is not known. ``explored`` tasks were
    sent somewhere for the sake of knowing, at a price of ``exploration_s`` seconds of work (see
    :class:`engine.exploration.Exploration`).
    ``calibration``: how often the spread that was stated held, on all device models together.
    """

    estimator: str
    fits: int
    fitted_at: int
    completion: IntArray
    models: tuple[ModelFrame, ...]
    switches: tuple[Switch, ...]
    drifts: tuple[Drifted, ...]
    importance: Mapping[str, float]
    explored: int
    exploration_s: float
    problem: str
    calibration: tuple[Coverage, ...] = ()


class LearningRecord:
    """Told of every judgement by the learner itself; nothing is done for a single completion."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self.switches: deque[Switch] = deque(maxlen=MOST_EVENTS)
        self.drifts: deque[Drifted] = deque(maxlen=MOST_EVENTS)
        self.trusted_since = [0] * len(models)
        self._trusted = [False] * len(models)
        self._shares = [np.zeros((3, 0)) for _ in models]
        self._tasks = [np.zeros(0, dtype=np.int64) for _ in models]
        self._errors: list[tuple[int, tuple[tuple[float, float], ...]]] = []
        self._last: tuple[int, tuple[tuple[float, float], ...]] | None = None
        self._stride = 1
        self._judged = 0

    def predicted(
        self, of_model: list[BoolArray], predicted_s: FloatArray, shares: FloatArray, tasks: IntArray
    ) -> None:
        """Add what a fit said of shares that it had not seen; ``shares`` are their nominal and observed seconds,
        ``tasks`` their tasks."""
        for model, mine in enumerate(of_model):
            fresh = np.vstack([predicted_s[mine], shares[:, mine]])
            self._shares[model] = np.hstack([self._shares[model], fresh])[:, -MOST_SHARES:]
            self._tasks[model] = np.concatenate([self._tasks[model], tasks[mine]])[-MOST_SHARES:]

    def judged(self, judgement: Judgement) -> None:
        """Add a judgement."""
        self._last = judgement.completion, tuple((v.error, v.nominal_error) for v in judgement.verdicts)
        if self._judged % self._stride == 0:
            self._errors.append(self._last)
        self._judged += 1
        if len(self._errors) > MOST_POINTS:
            self._errors = self._errors[::2]
            self._stride *= 2
        for model, verdict in enumerate(judgement.verdicts):
            if verdict.trusted != self._trusted[model]:
                self._trusted[model] = verdict.trusted
                self.switches.append(Switch(judgement.completion, model, verdict.trusted))
                self.trusted_since[model] = self.trusted_since[model] or judgement.completion
            if verdict.drift or verdict.forgets:
                factor = None if verdict.forgets else float(np.exp(verdict.drift))
                self.drifts.append(Drifted(judgement.completion, model, factor))

    def frames(self, learner: Learner) -> tuple[IntArray, tuple[ModelFrame, ...]]:
        """Return the completions of the errors that are kept, the last judgement's included, and the device models."""
        models, trusted = learner.context.models, learner.trusted
        rows = self._errors
        if self._last is not None and rows[-1] is not self._last:
            rows = [*rows, self._last]
        errors = np.array([row[1] for row in rows]).reshape(len(rows), len(models), 2)
        return np.array([row[0] for row in rows], dtype=np.int64), tuple(
            ModelFrame(
                model=name,
                trusted=trusted[m],
                trusted_since=self.trusted_since[m],
                error=errors[:, m, 0],
                nominal_error=errors[:, m, 1],
                predicted_s=self._shares[m][0],
                nominal_s=self._shares[m][1],
                observed_s=self._shares[m][2],
                task=self._tasks[m],
                calibration=learner.calibration.of_model(m),
            )
            for m, name in enumerate(models)
        )


class LearningDigest:
    """Makes the snapshots of one learner, a new one only when there is something new."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._frame: LearningFrame | None = None
        self._importance: Mapping[str, float] = {}
        self._explaining: Future[Mapping[str, float]] | None = None
        self._explained_at = 0

    def frame(self, completions: int, over: bool) -> LearningFrame:
        """Return the snapshot after so many completions; ``over``: there will be no more."""
        before = self._importance
        self._explain(completions, over)
        learner, known = self._learner, self._frame
        fits, problem = learner.fits, learner.problem or ""
        if known is None or (known.fits, known.problem) != (fits, problem) or self._importance is not before:
            completion, models = learner.record.frames(learner)
            known = self._frame = LearningFrame(
                estimator=learner.name,
                fits=fits,
                fitted_at=learner.judgements[-1].fitted_at if learner.judgements else 0,
                completion=completion,
                models=models,
                switches=tuple(learner.record.switches),
                drifts=tuple(learner.record.drifts),
                importance=self._importance,
                explored=learner.exploration.tasks,
                exploration_s=learner.exploration.price_s,
                problem=problem,
                calibration=learner.calibration.of_all(),
            )
        return known

    def _explain(self, completions: int, over: bool) -> None:
        """Ask for the importance of the features when it is time, and take the answer when it has come."""
        due = max(self._explained_at + EXPLAINED_EVERY, self._explained_at * EXPLAINED_GROWTH)
        if self._explaining is None and (completions >= due or (over and completions > self._explained_at)):
            self._explained_at = completions
            self._explaining = self._learner.ask_importance()
        if self._explaining is not None and (over or self._explaining.done()):
            try:
                answer = self._explaining.result(LAST_WAIT_S)
                self._importance = {name: float(growth) for name, growth in answer.items()}
            except (Exception, SystemExit):  # a stranger's, or it takes too long: it is an extra, and left out
                self._importance = {}
            self._explaining = None
