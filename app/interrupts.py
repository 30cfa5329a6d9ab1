"""Ctrl-C for commands: one press counts, and is not lost; more in quick succession do not disturb the tidying up."""

from __future__ import annotations

import _thread
import math
import signal
import sys
import threading
import time

SETTLING_S = 1.0
"""Presses within this time of the last one that counted are taken for the same."""
AGAIN_AFTER_S = 0.05
_counted_at = -math.inf


def interrupt_once(_number: int, _frame: object) -> None:
    """Raise KeyboardInterrupt, as Python does by itself, but for presses that follow each other quickly."""
    global _counted_at
    now = time.monotonic()
    if now - _counted_at >= SETTLING_S:
        _counted_at = now
        raise KeyboardInterrupt


def answer_interrupts() -> None:
    """From now on Ctrl-C is answered by :func:`interrupt_once`, again where Python has swallowed what that raised: in a
    destructor, or in the callback that ends an import."""
    signal.signal(signal.SIGINT, interrupt_once)
    report = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        global _counted_at
        if unraisable.exc_type is not KeyboardInterrupt:
            report(unraisable)
            return
        _counted_at = -math.inf
        again = threading.Timer(AGAIN_AFTER_S, _thread.interrupt_main)
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
