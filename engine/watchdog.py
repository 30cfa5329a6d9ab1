"""Interrupts a stranger's code that does not answer, from a thread that is asleep nearly always.

The interruption is CPython's own (``PyThreadState_SetAsyncExc``): an exception that appears in the watched thread at
its next bytecode. What one call into C never returns from (``time.sleep(1e9)``, a lock, an extension that spins) it
cannot reach: the exception waits until that call is over. Code that catches everything in a loop is interrupted again
and again, until one exception finds it outside its ``try``: a matter of luck, and of seconds to a minute.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Literal, TypeVar

from engine.errors import InputError

Answer = TypeVar("Answer")
Cause = Literal["too slow", "cancelled"]

LIMIT_S = 60.0
"""How long one call of a stranger's code may take, in real time."""
GRACE_S = 2.0
"""How long after a cancel such a call may still take."""

_LOOK_EVERY_S = 0.25
_AGAIN_EVERY_S = 0.02


class Interrupted(BaseException):
    """Raised by a :class:`Watchdog` inside the code that it watches. Not an Exception: few catch it by accident."""


class TooSlowError(InputError):
    """A stranger's code did not answer in time."""


@dataclass(frozen=True, slots=True, eq=False)
class Interruption:
    """Why a call was interrupted; ``error`` shows where, None when the code swallowed the exception and came back."""

    cause: Cause
    error: Interrupted | None


class Watchdog:
    """A context: while it is open, one thread at a time may have its calls of strangers' code watched.

    A call is interrupted once it has made no progress for ``limit_s`` of real time, or ``GRACE_S`` after ``cancelled``
    has become true, but only while code from outside the engine is under way, so that the engine's own books are never
    left half written. Without the context, or after it, calls are made and nothing is interrupted.
    """

    def __init__(self, limit_s: float = LIMIT_S, cancelled: Callable[[], bool] = lambda: False) -> None:
        self.limit_s = limit_s
        self._cancelled = cancelled
        self._cancelled_at: float | None = None
        self._lock = threading.Lock()  # an exception is only ever sent by who holds it, to a call that is under way
        self._watched: int | None = None  # the thread whose call is under way
        self._progress: Callable[[], object] = _none
        self._calls = 0
        self._cause: Cause | None = None
        self._seen: object = None
        self._seen_at = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look_now_and_then, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join()

    def watch(self, call: Callable[[], Answer], progress: Callable[[], object] | None = None) -> Answer | Interruption:
        """Return what ``call`` returns, or why it was interrupted; what it raises comes through.

        ``progress`` is asked from the watchdog's thread: as long as its answer changes, the call is not too slow. When
        this returns, no exception of the watchdog is pending any more.
        """
        error: Interrupted | None = None
        try:
            self._begin(progress or _none)
            answer = call()
        except Interrupted as raised:
            error = raised
        finally:
            # one exception may still be pending, and CPython 3.11 has no way to take it back: cleared, it would leave
            # the interpreter looking for it for ever. So another one takes its place and is waited for.
            awaited = False
            while True:
                try:
                    cause = self._end()
                    if cause is None or awaited:
                        break
                    awaited = True
                    _send(threading.get_ident())
                    while True:
                        pass
                except Interrupted as raised:
                    if not awaited:
                        error = raised
        if error is not None or cause is not None:
            return Interruption(cause or "too slow", error)
        return answer

    def _begin(self, progress: Callable[[], object]) -> None:
        with self._lock:
            self._watched, self._progress, self._cause = threading.get_ident(), progress, None
            self._calls += 1

    def _end(self) -> Cause | None:
        """From here on no exception is sent; return why one was."""
        with self._lock:
            self._watched, self._progress = None, _none
            return self._cause

    def _look_now_and_then(self) -> None:
        while not self._closed.wait(_AGAIN_EVERY_S if self._cause else _LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        if self._cancelled_at is None and self._cancelled():
            self._cancelled_at = now
        with self._lock:
            if self._watched is None:
                return
            seen = (self._calls, self._progress())
            if seen != self._seen:
                self._seen, self._seen_at = seen, now
            cause = self._cause or self._cause_at(now)
            # its frames stand still while this thread holds the interpreter lock, which it does for milliseconds
            if cause is not None and _stranger_runs(sys._current_frames().get(self._watched)):
                self._cause = cause
                _send(self._watched)

    def _cause_at(self, now: float) -> Cause | None:
        if self._cancelled_at is not None and now - self._cancelled_at >= GRACE_S:
            return "cancelled"
        return "too slow" if now - self._seen_at >= self.limit_s else None


def call_within(limit_s: float, call: Callable[[], Answer], what: str) -> Answer:
    """Return what ``call`` returns. Raises :class:`TooSlowError` about ``what`` when it has not after ``limit_s``."""
    with Watchdog(limit_s) as watchdog:
        answer = watchdog.watch(call)
    if isinstance(answer, Interruption):
        raise TooSlowError(f"{what} did not end within {limit_s:.0f} s. Look for a loop without an end in it.")
    return answer


def _none() -> None:
    return None


def _send(thread: int) -> None:
    """Make :class:`Interrupted` appear in a thread, in place of one that has not appeared yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Interrupted))


def _stranger_runs(frame: FrameType | None) -> bool:
    """Whether any code from outside the engine is under way, from the innermost frame out to ``watch``."""
    while frame is not None and frame.f_code is not Watchdog.watch.__code__:
        if not str(frame.f_globals.get("__name__")).startswith("engine."):
            return True
        frame = frame.f_back
    return False
