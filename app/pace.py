"""How fast a race that someone watches goes: simulated seconds for each second of wall time."""

from __future__ import annotations

from dataclasses import dataclass


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
