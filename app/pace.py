"""How fast a race that someone watches goes: simulated seconds for each second of wall time, and how far with that."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.race import Race

LONGEST_STRIDE_S = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """At speed 1 the arrivals take ``arrivals_wall_s``, whatever the workload, and draining ``tail_wall_s``.

    Tasks that all arrive at once have no arrivals to watch: draining them then takes both times together.
    """

    arrivals_wall_s: float = 18.0
    tail_wall_s: float = 3.0

    def rate(self, arrivals_s: float, remaining_s: float | None, before: float = 0.0) -> float:
        """Return simulated seconds per wall second at speed 1.

        ``arrivals_s`` is the simulated time from the first to the last arrival; ``remaining_s`` what is
        believed to be left once they are over, None before; ``before`` the rate until now. The tail never
        slows down: a rate that followed the shrinking remainder would end only in the limit.
        """
        if remaining_s is None:
            return arrivals_s / self.arrivals_wall_s
        wall_s = self.tail_wall_s if arrivals_s > 0 else self.tail_wall_s + self.arrivals_wall_s
        return max(before, remaining_s / wall_s)


class Stride:
    """Turns wall time into how far the race may go: the only place where the one meets the other."""

    def __init__(self, race: Race, pace: Pace | None, replaying: Callable[[], bool]) -> None:
        self.race = race
        self.pace = pace
        self.replaying = replaying
        self.target_s = race.first_arrival_s
        self.rate = 0.0
        self.at = time.perf_counter()

    def until(self, speed: float) -> float:
        """Return the simulated second up to which the race may go now."""
        if self.pace is None or math.isinf(speed) or self.replaying():
            self.rest()
            return math.inf
        now = time.perf_counter()
        # A block that takes long must not be made good by a leap: the race is then as fast as it can.
        elapsed = min(now - self.at, LONGEST_STRIDE_S)
        self.at = now
        over = self.race.clock_s >= self.race.end_of_arrivals_s
        arrivals_s = self.race.end_of_arrivals_s - self.race.first_arrival_s
        self.rate = self.pace.rate(arrivals_s, self.race.remaining_s() if over else None, self.rate)
        if self.rate <= 0:
            # nothing is believed to be left, yet something is: events in blocks, as they come
            return math.inf
        clock_s, pace = self.race.clock_s, self.rate * speed
        # never far ahead of a race that cannot keep up: it would ignore the next change of speed until it had
        self.target_s = min(max(self.target_s, clock_s) + pace * elapsed, clock_s + pace * LONGEST_STRIDE_S)
        return self.target_s

    def rest(self) -> None:
        """Forget the wall time that passed while the race stood still."""
        self.at = time.perf_counter()
