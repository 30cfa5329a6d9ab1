"""When and where Python looks for cycles of objects that nobody holds any more: seldom at work, not at the end, and
beside a window in its thread alone."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_MS = 50
"""Between two looks for cycles beside a window."""
YOUNG, YOUNGER = 20_000, 10
"""So many objects more than at the last look are walked, usually in less than a frame; so many collections make the
next older generation due."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Keep the cycle collector from walking all objects again and again while many are made that stay.

    Events leave no cycles behind, and tasks stay to the end: collecting at Python's usual pace costs a race 10 to 20 %,
    and a short command, which imports hundreds of modules, 7 %; after 50,000 new objects still 5 % and 3 %. What a
    policy leaves in cycles waits meanwhile: some tens of megabytes.
    """
    usual = gc.get_threshold()
    gc.set_threshold(200_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextmanager
def cycles_collected_here() -> Iterator[None]:
    """Have cycles collected by this thread alone, from its event loop; at the end all that were left since the start.

    Charts leave cycles that hold Qt objects, and Python collects in whatever thread allocates next: the race's thread
    destroyed texts of the charts, which Qt allows the window's thread alone. What is there at the start, modules above
    all, is not walked again: with it a collection holds the window, and the race, for 0.1 s and more.
    """
    from PySide6.QtCore import QTimer

    gc.freeze()
    gc.disable()
    timer = QTimer()
    timer.timeout.connect(_collect_what_is_due)
    timer.start(LOOK_MS)
    try:
        yield
    finally:
        timer.stop()
        gc.collect()
        gc.unfreeze()
        gc.enable()


def _collect_what_is_due() -> None:
    """Collect by Python's own rule: an older generation after ten collections of the younger one."""
    young, middle, old = gc.get_count()
    if young > YOUNG:
        gc.collect(0 if middle <= YOUNGER else 1 if old <= YOUNGER else 2)


def none_at_exit() -> None:
    """Let the process end without a walk over all that it has imported: a fifth of the time of a short command."""
    atexit.register(gc.freeze)
