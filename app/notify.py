"""The one door for messages to the person at the window: a notice bar for now, the log for later."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import QObject, Signal

from engine.errors import SchedRaceError

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence, how bad it is, and (one click away) where it came from."""

    level: Level
    text: str
    details: str = ""
    at: float = field(default_factory=time.time)


def message_of(error: BaseException, doing: str) -> Message:
    """Return an error as a message: its own sentence where it has one, else what was being done when it came."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, SchedRaceError):
        return Message("error", str(error), details)
    return Message(
        "error",
        f"{doing} failed because of a defect in SchedRace or in a plugin ({type(error).__name__}: {error}). "
        "Details shows where; please report it.",
        details,
    )


class Notifier(QObject):
    """Sends messages from any thread to the window."""

    message = Signal(object)
    """A message to show in the notice bar and to log."""
    logged = Signal(object)
    """A message that belongs into the log only."""

    def tell(self, level: Level, text: str, details: str = "") -> None:
        """Show a sentence."""
        self.message.emit(Message(level, text, details))

    def note(self, text: str) -> None:
        """Write a sentence into the log, without the notice bar."""
        self.logged.emit(Message("info", text))

    def error(self, error: BaseException, doing: str) -> None:
        """Show an error that was caught while ``doing`` ('Preparing the race')."""
        self.message.emit(message_of(error, doing))


class LogBridge(logging.Handler):
    """Puts what the libraries and rooms log (warnings and worse) into the window's log."""

    def __init__(self, notifier: Notifier) -> None:
        super().__init__(level=logging.WARNING)
        self._notifier = notifier

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record over; a queued signal brings it into the window's thread."""
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        details = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self._notifier.logged.emit(Message(level, record.getMessage(), details))
