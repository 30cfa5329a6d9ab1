"""Ctrl-C in the terminal that the window was opened from, or a signal to end: it closes as by its own button."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import QSocketNotifier, QTimer

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

AGAIN_MS = 1000
"""Whoever asks once more, later than this, wants to leave at once."""


@contextmanager
def closed_from_the_terminal(window: QWidget) -> Iterator[Callable[[], bool]]:
    """Within this SIGINT and SIGTERM close the window; yields whether one has come.

    Nothing is raised: an exception in the midst of a paint would be lost, and half of the window with it. Signals that
    are ignored stay so.
    """
    asked: list[int] = []
    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }

    def leave_at_once() -> None:
        for number in before:
            signal.signal(number, signal.SIG_DFL)

    def close(number: int, _frame: object) -> None:
        if not asked:
            asked.append(number)
            QTimer.singleShot(0, window.close)
            QTimer.singleShot(AGAIN_MS, leave_at_once)

    # Python answers signals between two of its own steps, and there is none while Qt waits: a byte wakes it
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    notifier = QSocketNotifier(reading.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda *_: reading.recv(64))
    earlier = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    for number in before:
        signal.signal(number, close)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier)
        notifier.setEnabled(False)
        reading.close()
        writing.close()
