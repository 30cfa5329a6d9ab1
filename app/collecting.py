"""When Python looks for cycles of objects that nobody holds any more: seldom at work, and not at the end."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


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


def none_at_exit() -> None:
    """Let the process end without a walk over all that it has imported: a fifth of the time of a short command."""
    atexit.register(gc.freeze)
