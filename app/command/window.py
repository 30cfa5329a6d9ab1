"""``schedrace`` without a command: the window, or without a display the same race in the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.command.metrics_option import served_at
from engine.errors import SchedRaceError

if TYPE_CHECKING:
    import argparse

PICTURE = Path("schedrace.png")


def run(options: argparse.Namespace) -> int:
    """Open the window. A machine without a display races in the terminal and saves the window's picture."""
    if options.version:
        from importlib.metadata import version

        print(f"schedrace {version('schedrace')}")
        return 0
    if not _has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        if options.screenshot is None:
            return _without_display(options.metrics_port)
    return _open(options.autostart, options.screenshot, metrics_port=options.metrics_port)


def _open(autostart: bool, screenshot: Path | None, record: bool = True, metrics_port: int | None = None) -> int:
    try:
        from app.window import open_window
    except ImportError as error:
        raise SchedRaceError(
            f"The window cannot open, because Qt does not load: {error}. 'schedrace doctor' says what is missing; "
            "'schedrace race' works without it."
        ) from error
    with served_at(metrics_port) as figures:
        return open_window(autostart=autostart, screenshot=screenshot, record=record, figures=figures)


def _has_display() -> bool:
    """Whether a window can be seen, or the user has chosen a Qt platform that needs no display."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _without_display(metrics_port: int | None) -> int:
    from app.__main__ import INTERRUPTED, main

    print("There is no display here, so the default race runs in the terminal.", file=sys.stderr)
    watching = [] if metrics_port is None else ["--metrics-port", str(metrics_port)]
    status = main(["race", "--tasks", "2000", "--load", "0.8", *watching])
    if status == INTERRUPTED:
        return status
    # for the picture the race runs once more, with the same bits; one record of it is enough
    drawn = _open(True, PICTURE, record=False)
    if drawn == 0:
        print(f"What the window would have shown at the end is in {PICTURE.resolve()}.")
    return status or drawn
