"""Tasks that are sent where too little is known, so that something is learned there; and what that costs."""

from __future__ import annotations

import numpy as np

from engine.completion import Completion
from engine.estimator import Seconds
from engine.training import TrainingSamples

KNOWN, SELDOM = 25, 0.05
"""A device model with fewer samples in the training window, and a smaller share of them, is explored."""
BUDGET = 0.01
"""Share of all seconds of work that exploring may cost, as far as one can tell beforehand."""
TEMPTING = 0.5
"""An explored device model is said to take so much of the time that the best other one is believed to take."""


class Exploration:
    """A task that runs on the GPU teaches nothing about the CPU: what is believed to be slow is never used, and never
    found to be fast. Splits try both sides; whole tasks may not.

    Of a device model that is hardly used (:data:`KNOWN`, :data:`SELDOM`) a task is said to be fast there, so that any
    rule sends it there, if what that is believed to cost lies within :data:`BUDGET` of all work so far. What it has
    really cost takes the place of that belief when it has finished, and only then comes the next one: a device that is
    not as slow as believed is explored quickly, one that is, or is even slower, hardly. Deterministic, as all that a
    learner decides.
    """

    def __init__(self, tasks: int) -> None:
        self.tasks = 0
        """Tasks that were sent somewhere for the sake of knowing, and have finished."""
        self.price_s = 0.0
        """Seconds of work that they have cost: on the explored device, less what the best other one was believed to."""
        self._asked = bytearray(tasks)  # 1: asked for before
        self._unknown: tuple[int, ...] = ()
        self._asked_s = 0.0
        self._sent: dict[int, tuple[int, float, float]] = {}  # task: device model, seconds elsewhere, stake

    def look(self, samples: TrainingSamples, models: int) -> None:
        """Find out of which of the device models the training window knows too little."""
        counts = np.bincount(samples.model, minlength=models)
        self._unknown = tuple(np.flatnonzero(counts < min(KNOWN, SELDOM * len(samples))).tolist())

    def tempt(self, index: int, believed: Seconds) -> Seconds:
        """Return what is said of a task, each time it is asked for: what is believed, or something tempting."""
        if not self._asked[index]:
            self._asked[index] = 1
            self._asked_s += min(believed)
            self._choose(index, believed)
        if index not in self._sent:
            return believed
        model, elsewhere_s, _ = self._sent[index]
        return [TEMPTING * elsewhere_s if m == model else s for m, s in enumerate(believed)]

    def explored(self, index: int) -> int | None:
        """Return on which device model a task that has not finished is said to be fast for the sake of knowing."""
        sent = self._sent.get(index)
        return None if sent is None else sent[0]

    def _choose(self, index: int, believed: Seconds) -> None:
        under_way = {model for model, _, _ in self._sent.values()}
        staked_s = sum(stake_s for _, _, stake_s in self._sent.values())
        left_s = BUDGET * self._asked_s - max(self.price_s, 0.0) - staked_s
        for model in self._unknown:
            elsewhere_s = min((s for m, s in enumerate(believed) if m != model), default=0.0)
            stake_s = believed[model] - elsewhere_s
            if model not in under_way and 0.0 < stake_s <= left_s:
                self._sent[index] = (model, elsewhere_s, stake_s)
                return

    def settle(self, completion: Completion) -> None:
        """Replace what a task was believed to cost by what it has cost."""
        sent = self._sent.pop(completion.task.index, None)
        if sent is None:
            return
        model, elsewhere_s, _ = sent
        for share in completion.shares:
            if share.model == model:
                self.tasks += 1
                self.price_s += (share.work_s - elsewhere_s) * share.fraction
