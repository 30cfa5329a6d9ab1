"""What a race values: the weights of time, energy and cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.errors import InputError


@dataclass(frozen=True, slots=True)
class Weights:
    """Score of a placement = time x seconds + energy x joules + cost x currency; the default looks at time alone."""

    time: float = 1.0
    energy: float = 0.0
    cost: float = 0.0

    def __post_init__(self) -> None:
        for name in ("time", "energy", "cost"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"The weight of {name} is {value}; it must be a number of 0 or more.")
        if self.time + self.energy + self.cost == 0:
            raise InputError("All weights are 0; at least one of time, energy and cost must count.")
