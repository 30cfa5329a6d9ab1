"""What readers of recorded traces share: which part of the file races, and the account of what was read."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.params import parameter
from engine.workload import FloatArray, IntArray


@dataclass(frozen=True)
class TraceParams:
    """The part of a trace that races. Arrivals keep the seconds of the trace (some rules read them). The first N of
    what is left race when the user asks for N tasks."""

    from_s: float = parameter(0.0, "Tasks that arrive before this second of the trace are left out", low=0.0)
    until_s: float = parameter(math.inf, "Tasks that arrive at this second of the trace or later are left out", low=0.0)
    skip: int = parameter(0, "How many of the tasks that are left are passed over before the first one races", low=0)


class Account:
    """Counts what a reader took from a file and what it left out and why; :meth:`notes` tells the user.

    ``things`` is what the file calls its rows ('jobs', 'pods'). Used from one thread.
    """

    def __init__(self, path: Path, things: str = "tasks") -> None:
        self._path = path
        self._things = things
        self._left_out: Counter[str] = Counter()
        self._assumed: list[str] = []
        self._raced = 0

    def leave_out(self, reason: str, count: int = 1) -> None:
        """One row (or ``count``) does not race; ``reason`` reads on from 'N left out: '."""
        if count:
            self._left_out[reason] += count

    def assume(self, sentence: str) -> None:
        """A field was not in the file and was made up: which, and by what rule."""
        if sentence not in self._assumed:
            self._assumed.append(sentence)

    def choose(self, arrival_s: FloatArray, params: TraceParams, tasks: int | None) -> IntArray:
        """Return the indices of the rows that race, in the order of their arrival: the time slice of ``params``, less
        its ``skip``, at most ``tasks``. Raises :class:`InputError` when none is left."""
        if params.until_s <= params.from_s:
            raise InputError(
                f"The slice from {params.from_s:g} to {params.until_s:g} s is empty: until_s must be above from_s."
            )
        order: IntArray = np.argsort(arrival_s, kind="stable").astype(np.int64)
        inside = order[(arrival_s[order] >= params.from_s) & (arrival_s[order] < params.until_s)]
        if len(inside) < len(order):
            slice_text = f"arrive outside of the slice from {params.from_s:g} to {params.until_s:g} s"
            self.leave_out(slice_text, len(order) - len(inside))
        self.leave_out("passed over (skip)", min(params.skip, len(inside)))
        chosen = inside[params.skip :][:tasks]
        self.leave_out(f"after the first {tasks:,}" if tasks else "", max(len(inside) - params.skip - len(chosen), 0))
        self._raced = len(chosen)
        if not len(chosen):
            raise InputError(f"'{self._path}' has no {self._things} left to race. {self._summary()}")
        if tasks is not None and tasks > len(chosen):
            self.assume(f"You asked for {tasks:,} {self._things}; there are {len(chosen):,}.")
        return chosen

    def notes(self) -> list[str]:
        """Return the account as sentences: how many were read and left out and why, then what was made up."""
        return [self._summary(), *self._assumed]

    def _summary(self) -> str:
        left_out = sum(self._left_out.values())
        head = f"Read {self._raced + left_out:,} {self._things} from '{self._path.name}': {self._raced:,} race"
        if not left_out:
            return f"{head}, none was left out."
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in self._left_out.most_common())
        return f"{head}, {left_out:,} were left out: {reasons}."
