"""The engine's co-execution law against what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from engine.split import Side, best_of, finish_s
from engine.weights import Weights


@dataclass(frozen=True, slots=True)
class Alone:
    """What the law is given of a kernel at one size: seconds of the whole on each device alone, ``gpu_s`` without
    launch and transfer; and the GB that the GPU moves, over the link that is the same for all kernels."""

    cpu_s: float
    gpu_s: float
    transfer_gb: float
    latency_s: float
    link_gb_s: float

    def sides(self) -> tuple[Side, Side]:
        """Return the idle CPU and GPU as the engine sees them (:mod:`engine.split`)."""
        seconds = self.gpu_s + self.transfer_gb / self.link_gb_s
        return Side(0, "cpu", 0.0, self.cpu_s), Side(1, "gpu", self.latency_s, seconds, self.latency_s)

    def law_s(self, fraction: float) -> float:
        """Return the seconds that the law predicts with this fraction on the GPU."""
        return finish_s(*self.sides(), fraction)

    def best_fraction(self) -> float:
        """Return the fraction on the GPU that a scheduler would choose: the better device alone, or f*."""
        return dict(best_of(list(self.sides()), divisible=True, weights=Weights())).get(1, 0.0)


@dataclass(frozen=True, slots=True)
class Point:
    """A kernel at one size with one fraction on the GPU: the median of its runs, and how far apart the middle half of
    them was (share of the median). ``chosen``: the law's best fraction, from times taken before."""

    kernel: str
    size: int
    fraction: float
    measured_s: float
    spread: float
    law_s: float
    chosen: bool

    @property
    def error(self) -> float:
        """How far the law is off, as a share of the measured time; negative: it promised too much."""
        return self.law_s / self.measured_s - 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Some points together. Errors are those of the co-executed ones, because 0 and 1 are what the law is given.

    ``median_error`` and ``ninth_error`` (nine of ten are within) are absolute, ``too_short`` the share of runs that
    took longer than the law says, ``spread`` the median of the points'. Of the fractions chosen, one a size:
    ``over_best``, how much longer they took than the best measured, and ``speed_up`` over the better device alone.
    Errors and ``spread`` are None where nothing was co-executed.
    """

    runs: int
    median_error: float | None
    ninth_error: float | None
    too_short: float | None
    spread: float | None
    chosen: tuple[float, ...]
    over_best: tuple[float, ...]
    speed_up: tuple[float, ...]


def compare(points: Sequence[Point]) -> Comparison:
    """Compare the law with these points, which have every size's fractions 0 and 1 and its chosen one among them."""
    together = [point for point in points if 0.0 < point.fraction < 1.0]
    errors = [abs(point.error) for point in together]
    chosen, over_best, speed_up = [], [], []
    for key in dict.fromkeys((point.kernel, point.size) for point in points):
        own = [point for point in points if (point.kernel, point.size) == key]
        taken = next(point for point in own if point.chosen)
        chosen.append(taken.fraction)
        over_best.append(taken.measured_s / min(point.measured_s for point in own) - 1)
        alone_s = min(point.measured_s for point in own if point.fraction in (0.0, 1.0))
        speed_up.append(alone_s / taken.measured_s)
    return Comparison(
        len(together),
        median(errors) if errors else None,
        float(np.quantile(errors, 0.9)) if errors else None,
        sum(point.error < 0 for point in together) / len(together) if together else None,
        median(point.spread for point in together) if together else None,
        tuple(chosen),
        tuple(over_best),
        tuple(speed_up),
    )
