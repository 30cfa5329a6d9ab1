"""How far the storage is behind the race, in seconds."""

from __future__ import annotations

import threading
import time

_MOST_MARKS = 512


class Lag:
    """Remembers when how many rows had been handed over; the lag is the age of the oldest that has not arrived.

    Bounded: when a storage is away for hours every second mark goes, and the lag becomes coarser by as much.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: list[tuple[int, float]] = []

    def handed_over(self, total: int) -> None:
        """Note that ``total`` rows have been handed over by now (called by the thread that races)."""
        with self._lock:
            if len(self._marks) >= _MOST_MARKS:
                del self._marks[1::2]
            self._marks.append((total, time.monotonic()))

    def seconds(self, arrived: int) -> float:
        """Return the age of the first row behind the ``arrived`` ones; 0 when all have arrived."""
        with self._lock:
            behind = next((at for total, at in self._marks if total > arrived), None)
            self._marks = [mark for mark in self._marks if mark[0] > arrived]
        return 0.0 if behind is None else time.monotonic() - behind
