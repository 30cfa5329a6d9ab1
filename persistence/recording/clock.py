"""The times that a run is recorded with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from persistence.journal.reader import JournalReader

_LAST_LINE_BYTES = 64 * 1024


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


def last_recorded(journal: JournalReader, start: datetime) -> datetime:
    """Return when the last row of a journal was recorded, ``start`` where it has none: a run that goes on goes on then,
    though the clock was set back since."""
    return max([start, *_last_rows(journal)])


def _last_rows(journal: JournalReader) -> Iterator[datetime]:
    for table, size in journal.sizes().items():
        rows = journal.read(table, max(journal.first(table), size - _LAST_LINE_BYTES), size, _LAST_LINE_BYTES)
        created_at = rows.rstrip().rpartition(b",")[2]  # the last column of each table
        if created_at:
            yield datetime.fromisoformat(created_at.strip(b'"').decode())
