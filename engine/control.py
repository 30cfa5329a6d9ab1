"""The one object between whoever watches a race and the thread that runs it: pause, speed, cancel, frame gate."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

FrameT = TypeVar("FrameT")

_PATIENCE_S = 0.01
"""A policy may take longer than this for one answer; the window then paints beside it."""


class Control(Generic[FrameT]):
    """Thread-safe. The watcher calls the verbs, the race calls :meth:`checkpoint`, :meth:`wait` and :meth:`publish`.

    ``latest`` is the last published frame (replaced by assignment, never changed). While the watcher paints inside
    :meth:`gui_first` the race waits at its next checkpoint, so that painting never fights for the interpreter lock.
    """

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._gate = threading.Event()
        self._gate.set()
        self._at_rest = threading.Event()
        self._cancelled = False
        self._paused = False
        self._steps = 0
        self._speed = 1.0
        self.latest: FrameT | None = None
        self.selected: str | None = None
        """The scheduler whose devices the frames show."""

    @property
    def cancelled(self) -> bool:
        """Whether the race was asked to stop."""
        return self._cancelled

    @property
    def paused(self) -> bool:
        """Whether the race stands still (steps apart)."""
        return self._paused

    @property
    def speed(self) -> float:
        """Factor on the race's own pace; inf means as fast as possible."""
        return self._speed

    def cancel(self) -> None:
        """Ask the race to stop; it does at its next checkpoint, also out of a pause."""
        with self._wake:
            self._cancelled = True
            self._gate.set()
            self._wake.notify_all()

    def pause(self) -> None:
        """Stand still at the next checkpoint."""
        with self._wake:
            self._paused = True
            self._wake.notify_all()

    def resume(self) -> None:
        """Go on."""
        with self._wake:
            self._paused = False
            self._steps = 0
            self._wake.notify_all()

    def step(self) -> None:
        """While paused: let the race do one more step (the next event); otherwise nothing happens."""
        with self._wake:
            self._steps += self._paused
            self._wake.notify_all()

    def set_speed(self, factor: float) -> None:
        """Change the pace; ``inf`` for full speed."""
        with self._wake:
            self._speed = factor
            self._wake.notify_all()

    @contextmanager
    def gui_first(self) -> Iterator[None]:
        """Hold the race at its next checkpoint while the block runs; released on any exception too.

        Waits a few milliseconds for the race to get there: who paints beside it waits for the interpreter lock at every
        call, and both become slower.
        """
        self._gate.clear()
        try:
            self._at_rest.wait(_PATIENCE_S)
            yield
        finally:
            self._gate.set()

    def publish(self, frame: FrameT) -> None:
        """Make ``frame`` the latest one."""
        self.latest = frame

    def checkpoint(self) -> None:
        """Called by the race about every 2 ms of work: returns at once unless someone paints."""
        if not self._gate.is_set():
            self._at_rest.set()
            self._gate.wait(0.5)
            self._at_rest.clear()

    def take_step(self) -> bool:
        """Called by the race while paused: whether it may do one step now (each step is given once)."""
        with self._wake:
            if self._steps:
                self._steps -= 1
                return True
            return False

    def wait(self, seconds: float | None) -> float:
        """Sleep until the time is up or any verb is called; return how long it took (seconds)."""
        began = time.perf_counter()
        with self._wake:
            if not self._cancelled and not self._steps:
                self._at_rest.set()
                self._wake.wait(seconds)
                self._at_rest.clear()
        return time.perf_counter() - began
