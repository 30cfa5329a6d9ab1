"""Ctrl-C in the terminal that the window was opened from, or a signal to end: it closes as by its own button."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
    reading, writing, drain, closing = _wire()
    notifier = QSocketNotifier(reading, QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda *_: drain())
    earlier = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in before:
        signal.signal(number, close)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier)
        notifier.setEnabled(False)
        for close_end in closing:
            close_end()


def _wire() -> tuple[int, int, Callable[[], object], tuple[Callable[[], object], ...]]:
    """Return the ends of something to write a byte into, what reads it, and what closes them; no socket where a pipe
    does, for their module takes 3 ms before the first paint."""
    if sys.platform == "win32":  # where Qt watches sockets only
        import socket

        here, there = socket.socketpair()
        here.setblocking(False)
        there.setblocking(False)
        return here.fileno(), there.fileno(), lambda: here.recv(64), (here.close, there.close)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    return reading, writing, lambda: os.read(reading, 64), (partial(os.close, reading), partial(os.close, writing))
