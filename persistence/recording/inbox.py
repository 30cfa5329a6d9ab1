"""The queue between the thread that races and the thread that writes."""

from __future__ import annotations

import threading
import time
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")

BATCH_ROWS = 50
BATCH_WAIT_S = 0.05
TAKE_ROWS = 20_000
BRAKE_ROWS = 200_000


class Inbox(Generic[ItemT]):
    """Items with a number of rows each. Putting costs microseconds, and blocks only while the brake is on: when
    :data:`BRAKE_ROWS` rows wait and the reader works. Taking yields at least :data:`BATCH_ROWS` rows, or what there is
    after :data:`BATCH_WAIT_S`, and all that waits (up to :data:`TAKE_ROWS`) as one batch."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: list[tuple[ItemT, int]] = []
        self._rows = 0
        self._closed = False
        self.brake = True
        """Whether a full inbox blocks; off while the reader cannot work."""
        self.braked_s = 0.0

    @property
    def rows(self) -> int:
        """Rows that wait or are being written."""
        return self._rows

    def put(self, item: ItemT, rows: int) -> None:
        """Add an item."""
        with self._changed:
            if self._rows > BRAKE_ROWS:
                self._hold()
            before = self._rows
            self._items.append((item, rows))
            self._rows = before + rows
            if before < BATCH_ROWS:  # the first rows start the reader's clock, the fiftieth ends it
                self._changed.notify_all()

    def take(self, patience_s: float | None = None) -> tuple[list[ItemT], int] | None:
        """Wait for a batch; return it with its number of rows. No items: closed and empty; None: nothing came within
        ``patience_s``."""
        with self._changed:
            while not self._items and not self._closed:
                if not self._changed.wait(patience_s):
                    return None
            until = time.monotonic() + BATCH_WAIT_S
            while self._rows < BATCH_ROWS and not self._closed and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            count = rows = 0
            while count < len(self._items) and rows < TAKE_ROWS:
                rows += self._items[count][1]
                count += 1
            items = [item for item, _ in self._items[:count]]
            del self._items[:count]
            return items, rows

    def done(self, rows: int) -> None:
        """Say that rows taken before are written."""
        with self._changed:
            self._rows -= rows
            self._changed.notify_all()

    def wait_empty(self, seconds: float) -> bool:
        """Wait until everything that was put is written; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._rows == 0 and not self._items, seconds)

    def close(self) -> None:
        """Let the reader end when it has taken everything."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def release_brake(self) -> None:
        """Let everybody pass who waits: the reader cannot work at the moment."""
        with self._changed:
            self.brake = False
            self._changed.notify_all()

    def _hold(self) -> None:
        began = time.monotonic()
        self._changed.wait_for(lambda: self._rows <= BRAKE_ROWS or not self.brake or self._closed)
        self.braked_s += time.monotonic() - began
