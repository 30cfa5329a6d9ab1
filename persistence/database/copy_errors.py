"""Keeps a fault of psycopg2 off the terminal.

A server that stops during a COPY sends two errors, its farewell and the end of the connection. psycopg2 (2.9.13,
``pq_raise`` called twice by ``_pq_copy_in_v3``) builds the second one while the first is set, which Python answers with
a SystemError; it hands that to ``sys.excepthook``, which prints it, and then raises what its caller needs to know.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import psycopg2


def hush_doubled_errors() -> None:
    """From now on drop that report, and nothing else, before it reaches the present ``sys.excepthook``."""
    if not isinstance(sys.excepthook, _WithoutDoubled):
        sys.excepthook = _WithoutDoubled(sys.excepthook)


@dataclass(frozen=True, slots=True)
class _WithoutDoubled:
    report: Callable[[type[BaseException], BaseException, TracebackType | None], object]

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        doubled = kind is SystemError and trace is None and isinstance(error.__cause__, psycopg2.Error)
        if not doubled:
            self.report(kind, error, trace)
