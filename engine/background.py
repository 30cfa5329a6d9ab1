"""Work beside the race: one thread, in order, that nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")

STEP_S = 0.05
CLOSING_S = 2.0
"""How long the end of what is under way is waited for; what a stranger wrote may never end."""


class Background:
    """Runs what it is given, one call after the other. Its thread is a daemon: work without an end neither holds up the
    race for longer than a watchdog allows (see :func:`result_of`), nor the end of the program."""

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Have ``work(*arguments)`` called; its answer, or what it raises, is in the future."""
        future: Future[Result] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(*arguments))
            except BaseException as error:  # a stranger's code: whatever it raises is data
                future.set_exception(error)

        self._work.put(run)
        return future

    def close(self) -> None:
        """Begin nothing more, and wait a moment for what is under way."""
        self._closed = True
        self._work.put(None)
        self._thread.join(CLOSING_S)

    def _run(self) -> None:
        while (work := self._work.get()) is not None and not self._closed:
            work()


def result_of(future: Future[Result]) -> Result:
    """Return what a future holds, or raise it. Waits in steps, between which a watchdog can interrupt."""
    while True:
        try:
            return future.result(STEP_S)
        except TimeoutError:
            if future.done():
                return future.result()
