"""How the fits of a learner do on one device model: whether they are believed there."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.calibration import UnseenErrors
from engine.change import Change, ChangeWatch
from engine.workload import FloatArray, IntArray

FEWEST_JUDGED = 8
"""Samples of a device model below which nothing new is said about it; before the first the nominal times answer."""
WORTH = 0.005
"""Mean absolute errors of a logarithm that differ by less (0.5 % of the seconds) count as equal."""
FORGET = 0.98
"""What remains of the weight of earlier errors with each new one: they count as the last 50."""


class Verdict(NamedTuple):
    """How a fit did on the samples of one device model that came while it was made, so that it was not trained on them.

    ``error`` and ``nominal_error`` are mean absolute errors of the logarithm of the seconds, earlier fits included with
    falling weight (nan: never judged); ``trusted``: the fit answers for this model, instead of the nominal times.
    ``drift``: the logarithm of the factor by which this device model has become slower since the fit, 0 if it has not;
    ``forgets``: it follows another law now, of which older samples know nothing. What was judged before counts no more.
    """

    samples: int
    error: float
    nominal_error: float
    trusted: bool
    drift: float
    forgets: bool


class Judgement(NamedTuple):
    """What was decided at a completion: about the fit on the samples up to ``fitted_at``, a verdict a device model."""

    completion: int
    fitted_at: int
    verdicts: tuple[Verdict, ...]


class Judge:
    """Remembers the errors of the fits on one device model."""

    def __init__(self) -> None:
        self.watch = ChangeWatch()
        self.unseen = UnseenErrors()
        self._trusted = False
        self._weight = self._error = self._nominal_error = 0.0

    def see(
        self, completions: IntArray, errors: FloatArray, nominal_errors: FloatArray
    ) -> tuple[Verdict, Change | None]:
        """Judge a fit by its errors (logarithm of answered - of true seconds) at these completions, and the nominal
        times by theirs; return what has changed too, if something has."""
        samples, change = len(errors), None
        if self._trusted or self.watch.knows:  # what was never right has not changed
            change = self.watch.see(completions, errors)
        forgets, drift = False, 0.0
        if change is not None:
            forgets, drift = change.drift is None, change.drift or 0.0
            self._weight = 0.0
            if forgets:
                self.unseen.forget()
            errors, nominal_errors = (of[completions > change.until] for of in (errors, nominal_errors))
        self._remember(errors + drift, nominal_errors)
        if self._weight < FEWEST_JUDGED:
            return Verdict(samples, math.nan, math.nan, self._trusted, drift, forgets), change
        self._trusted = self._error < self._nominal_error - WORTH
        return Verdict(samples, self._error, self._nominal_error, self._trusted, drift, forgets), change

    def _remember(self, errors: FloatArray, nominal_errors: FloatArray) -> None:
        count = len(errors)
        if not count:
            return
        self.unseen.add(errors)
        kept = self._weight * FORGET**count
        self._weight = kept + count
        self._error = (kept * self._error + float(np.abs(errors).sum())) / self._weight
        self._nominal_error = (kept * self._nominal_error + float(np.abs(nominal_errors).sum())) / self._weight
