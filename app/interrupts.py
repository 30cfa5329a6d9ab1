"""Ctrl-C for commands, and the signal to end: one counts, and is not lost; more in quick succession do not disturb the
tidying up."""

from __future__ import annotations

import _thread
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue

SETTLING_S = 1.0
"""Presses within this time of the last one that counted are taken for the same."""
AGAIN_AFTER_S = 0.1
NOTHING = (None, (None, None, None))
"""How Python tells of a thread that handles no exception, 3.12 and 3.11."""
_counted_at = -math.inf
_lost = False
_raised: SimpleQueue[bool] = SimpleQueue()  # which a signal handler may put into, whatever it interrupts


def interrupt_once(_number: int, _frame: object) -> None:
    """Raise KeyboardInterrupt, as Python does by itself, but for presses that follow each other quickly."""
    global _counted_at, _lost
    now = time.monotonic()
    if now - _counted_at < SETTLING_S and not _lost:
        return
    _counted_at, _lost = now, False
    _raised.put(True)
    raise KeyboardInterrupt


@contextmanager
def no_interrupt_lost(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Answer these signals by :func:`interrupt_once`; within this also again where the exception that it raised was
    lost: in a destructor, in the callback that ends an import, or in a library that catches everything (one press in
    twenty while numpy.random is imported). The handlers stay when this ends: quick presses must not disturb what is
    left to do."""
    global _counted_at, _lost, _raised
    _counted_at, _lost, _raised = -math.inf, False, SimpleQueue()
    over = threading.Event()
    threading.Thread(target=_ask_again, args=(signals[0], _raised, over), name="Ctrl-C", daemon=True).start()
    for number in signals:
        signal.signal(number, interrupt_once)
    report = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not KeyboardInterrupt:
            report(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        over.set()
        _raised.put(False)


def _ask_again(number: signal.Signals, raised: SimpleQueue[bool], over: threading.Event) -> None:
    """Send the signal once more when the KeyboardInterrupt that it raised has gone and the command goes on.

    As long as the main thread is handling any exception, it may be on its way out: an ``except``, a ``finally`` or a
    ``with`` that tidies up, or a generator that is closed. Whoever answers without raising is not asked again.
    """
    global _lost
    main = threading.main_thread().ident or 0
    while raised.get():
        while not over.wait(AGAIN_AFTER_S):
            if sys._current_exceptions().get(main) in NOTHING:
                _lost = True
                _send(number, main)
                break


def _send(number: signal.Signals, thread: int) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread, number)  # which also ends its waiting
    else:
        _thread.interrupt_main(number)
