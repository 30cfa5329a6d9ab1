"""The door: ``schedrace`` opens the window, ``schedrace COMMAND`` works without one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command (``sys.argv`` by default) and return its exit status: 0 done, 1 failed, 2 wrong usage."""
    try:
        with _answering_interrupts() if argv is None else nullcontext():
            return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        print("Interrupted before the work was done; what was already written stays.", file=sys.stderr)
        return INTERRUPTED


def _answering_interrupts() -> AbstractContextManager[None]:
    """Let one Ctrl-C (or SIGTERM) end a command, undisturbed by quick ones after it; not in a window, which closes, nor
    where it is ignored."""
    is_command = sys.argv[1:] and not sys.argv[1].startswith("-")
    usual = (signal.default_int_handler, signal.SIG_DFL)
    signals = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) in usual]
    if not is_command or not signals:
        return nullcontext()
    from app.interrupts import no_interrupt_lost

    return no_interrupt_lost(signals)


def _run(argv: list[str]) -> int:
    # imported here, where Ctrl-C finds somebody
    from app.collecting import few_collections, none_at_exit
    from engine.errors import InputError, SchedRaceError

    none_at_exit()
    options = _options(argv)
    try:
        with few_collections():
            return int(options.run(options))
    except InputError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except SchedRaceError as error:
        print(error, file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # the reader of our output has left, as `| head` does; the interpreter must not flush into it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _options(argv: list[str]) -> argparse.Namespace | SimpleNamespace:
    if not argv:
        # the window at once: the parser takes a third as long as a bare window
        from app.command import window

        return SimpleNamespace(run=window.run, version=False, autostart=False, screenshot=None, metrics_port=None)
    from app.command.parser import parse

    return parse(argv)


if __name__ == "__main__":
    sys.exit(main())
