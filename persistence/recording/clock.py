"""The times that a run is recorded with."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class ForwardClock:
    """The wall clock, but it never goes back: while a clock that was set back (by hand, by NTP) is behind, it stands.

    So the rows of a run are in the order of their ``created_at``, and a run does not end before it began.
    """

    def __init__(self, start: datetime) -> None:
        self._latest = start.timestamp()

    def now(self) -> float:
        """Return the Unix time (seconds)."""
        self._latest = max(self._latest, time.time())
        return self._latest

    def date(self) -> datetime:
        """Return the same as a date."""
        return datetime.fromtimestamp(self.now(), UTC)
