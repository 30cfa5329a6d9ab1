"""When and where Python looks for cycles of objects that nobody holds any more: seldom at work, not at the end, and
beside a window in its thread alone."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

COLLECTING_S = 0.1
"""Between two looks for cycles beside a window: often enough that what was made since is walked within one frame."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Keep the cycle collector from walking all objects again and again while many are made that stay.

    Events leave no cycles behind, and tasks stay to the end: collecting at Python's usual pace costs a race 10 to 20 %,
    and a short command, which imports hundreds of modules, 7 %.
    """
    usual = gc.get_threshold()
    gc.set_threshold(50_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def only_in_this_thread() -> Callable[[], None]:
    """Have cycles collected by a timer of this thread's event loop alone, until what is returned is called.

    Charts leave cycles that hold Qt objects. Whatever thread allocates next would collect them: the race's thread then
    destroys a text of the charts while the window lays out another, and Qt may crash. What is there already, modules
    above all, is not walked again: with it a collection holds the window, and whatever else runs, for 0.1 s and more.
    """
    from pyqtgraph.util.garbage_collector import GarbageCollector

    gc.freeze()
    collector = GarbageCollector(interval=COLLECTING_S)

    def end() -> None:
        collector.timer.stop()
        gc.unfreeze()
        gc.enable()

    return end


def none_at_exit() -> None:
    """Let the process end without a walk over all that it has imported: a fifth of the time of a short command."""
    atexit.register(gc.freeze)
