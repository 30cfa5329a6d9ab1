"""Ctrl-C pressed more often than once: the first one counts, the others do not disturb the tidying up."""

from __future__ import annotations

import signal
from typing import NoReturn


def interrupt_once(_number: int, _frame: object) -> NoReturn:
    """Raise KeyboardInterrupt, as Python does by itself, and ignore Ctrl-C from now on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
