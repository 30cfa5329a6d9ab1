"""The errors that reach a user. Each message is a sentence: what happened, to what, what to do next."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import PurePath


class SchedRaceError(Exception):
    """Root of every error that SchedRace raises on purpose; ``str(error)`` can be shown as it is."""


class InputError(SchedRaceError):
    """Something that a user wrote (a file, a setting, a parameter, a name) cannot be used. Nothing was changed."""


class Cancelled(SchedRaceError):
    """The user ended a job before it was done. Nothing was changed."""


class TaskError(InputError):
    """One task of a workload cannot be used; ``task`` is its row, so that a reader can say where that came from."""

    def __init__(self, task: int, sentence: str) -> None:
        super().__init__(sentence)
        self.task = task


class PlacementError(SchedRaceError):
    """A scheduler returned a placement that breaks the contract; its lane is disqualified."""


class EstimateError(SchedRaceError):
    """An estimator answered seconds that cannot be; the lane that asked it is disqualified."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"``, or the list of what is known when nothing is close; to be appended."""
    import difflib  # seldom wanted, and the window opens without it

    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known: {', '.join(names)}." if names else ""


def sentence_of(error: BaseException, modules: Container[str] = ()) -> str:
    """Return what a stranger's code raised as words: our own errors as they are, others with their type, and where in
    the stranger's ``modules`` (see :func:`raised_at`)."""
    try:
        text = str(error)
    except Exception as unprintable:  # an exception that cannot say what it is must not stop anything else
        text = f"(its text cannot be read: {type(unprintable).__name__})"
    if isinstance(error, SchedRaceError):
        return text
    return f"it raised {type(error).__name__}{f': {text}' if text else ''}{raised_at(error, modules)}"


def raised_at(error: BaseException, modules: Container[str]) -> str:
    """Return `` at FILE, line N``, the innermost line of these modules that the error passed; nothing without one.

    The file goes without its folder, so that the words are the same on every machine.
    """
    at, trace = "", error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__name__") in modules:
            at = f" at {PurePath(frame.f_code.co_filename).name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return at
