"""Ctrl-C for commands: one press counts, and is not lost; more in quick succession do not disturb the tidying up."""

from __future__ import annotations

import _thread
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SETTLING_S = 1.0
"""Presses within this time of the last one that counted are taken for the same."""
AGAIN_AFTER_S = 0.1
_counted_at = -math.inf
_asking = False
_answered = threading.Event()
_answered.set()  # outside every_interrupt_answered nobody asks


def interrupt_once(_number: int, _frame: object) -> None:
    """Raise KeyboardInterrupt, as Python does by itself, but for presses that follow each other quickly."""
    global _asking, _counted_at
    if _asking:
        _asking = False
        if _answered.is_set() or _is_being_handled():
            return
    else:
        now = time.monotonic()
        if now - _counted_at < SETTLING_S:
            return
        if _counted_at == -math.inf:
            threading.Thread(target=_ask_until_answered, name="Ctrl-C", daemon=True).start()
        _counted_at = now
    raise KeyboardInterrupt


@contextmanager
def every_interrupt_answered() -> Iterator[None]:
    """Within this, answer Ctrl-C by :func:`interrupt_once`, and again while the exception that it raised has been lost:
    in a destructor, in the callback that ends an import, or in a library that catches everything (one press in twenty
    during the import of numpy.random). At its end nobody is interrupted any more by a press that already counted."""
    _answered.clear()
    signal.signal(signal.SIGINT, interrupt_once)
    report = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not KeyboardInterrupt:
            report(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        _answered.set()


def _ask_until_answered() -> None:
    global _asking
    while not _answered.wait(AGAIN_AFTER_S):
        _asking = True
        _thread.interrupt_main()


def _is_being_handled() -> bool:
    """Whether a KeyboardInterrupt is on its way out of the code that the signal came into: in an ``except``, a
    ``finally`` or a ``with`` that tidies up. Between those no Python code runs, and no signal comes in."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None
