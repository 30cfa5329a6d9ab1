"""How sure a learner says that it is of its seconds, and how often that holds."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.workload import FloatArray

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Chances at which a stated spread is judged."""
REMEMBERED = 100
"""Latest errors of a device model from which its usual spread is told; it takes 19 of them to speak of 95 %."""
SAME = 1e-9
"""Errors below this are rounding."""
Z_95 = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""

Factors = tuple[float, float]
"""What a spread is stated as: the true seconds lie between the answered ones times the first and times the second."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The truth lay within the spread ``held`` times in ``count``, where ``stated`` was the chance of it (0..1)."""

    stated: float
    held: int
    count: int

    @property
    def observed(self) -> float:
        """In which share it held (0..1)."""
        return self.held / self.count

    @property
    def band(self) -> tuple[float, float]:
        """The 95 % confidence interval of :attr:`observed`, as if none hung on another (Wilson,
        Journal of the American Statistical Association 22, 1927)."""
        n, p, square = self.count, self.observed, Z_95**2
        middle = (p + square / (2 * n)) / (1 + square / n)
        reach = Z_95 / (1 + square / n) * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
        return middle - reach, middle + reach


class UnseenErrors:
    """How far the fits were off on the latest samples of one device model that they had not seen (logarithms)."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, errors: FloatArray) -> None:
        """Add errors; the oldest go."""
        for size in abs(errors).tolist():
            self._latest.append(size)
            insort(self._sorted, size)
            if len(self._latest) > REMEMBERED:
                self._sorted.remove(self._latest.popleft())

    def forget(self) -> None:
        """Forget all: they were made on another law."""
        self._latest.clear()
        self._sorted.clear()

    def factors(self, chance: float) -> Factors | None:
        """Return the spread in which the next one lies with this chance; None where too few are known for it, or
        where there is no error but rounding.

        Of n errors the k-th smallest, k = ceil((n + 1) chance): right whatever their distribution, as long as the next
        one comes from the same (split conformal prediction: Lei et al., Journal of the American Statistical Association
        113, 2018, algorithm 2).
        """
        rank = math.ceil((len(self._sorted) + 1) * chance - 1e-9)
        if rank > len(self._sorted) or self._sorted[max(rank, 1) - 1] < SAME:
            return None
        factor = math.exp(self._sorted[max(rank, 1) - 1] + SAME)
        return 1.0 / factor, factor


class Calibration:
    """Counts how often the stated spread held, for each device model and chance: of one size, however long the race."""

    def __init__(self, models: int) -> None:
        self._counts = [0] * models
        self._held = [[0] * len(LEVELS) for _ in range(models)]

    def score(
        self, stated: Callable[[int, int, float], Factors | None], truths: Iterable[tuple[int, int, float]]
    ) -> None:
        """Ask for the spread of tasks that no fit had seen, and compare: each is a task's index, a device model, and
        true / answered seconds. What is not stated for all of :data:`LEVELS` is left out.

        Raises whatever ``stated`` raises, and ValueError where its answers are no factors.
        """
        for task, model, ratio in truths:
            spreads = [_checked(stated(task, model, chance)) for chance in LEVELS]
            known = [spread for spread in spreads if spread is not None]
            if len(known) < len(LEVELS):
                continue
            self._counts[model] += 1
            for level, (low, high) in enumerate(known):
                self._held[model][level] += low <= ratio <= high

    def of_model(self, model: int) -> tuple[Coverage, ...]:
        """Return what is known of one device model, a row for each of :data:`LEVELS`; nothing before the first task."""
        return _coverage(self._counts[model], self._held[model])

    def of_all(self) -> tuple[Coverage, ...]:
        """Return the same of all device models together."""
        return _coverage(sum(self._counts), [sum(held) for held in zip(*self._held, strict=True)])


def _checked(factors: Factors | None) -> Factors | None:
    if factors is None:
        return None
    low, high = factors
    if not 0.0 < low <= high < math.inf:
        raise ValueError(f"{factors!r} as factors; they must be above 0 and finite, the smaller one first")
    return low, high


def _coverage(count: int, held: Sequence[int]) -> tuple[Coverage, ...]:
    return tuple(Coverage(stated, h, count) for stated, h in zip(LEVELS, held, strict=True)) if count else ()
