"""Opens the window first and furnishes it after its first paint: charts and plugins cost more than the window."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QApplication

from app.collecting import cycles_collected_here
from app.icons import app_icon
from app.preferences import PreferenceFile
from app.theme import Theme
from app.window.main_window import MainWindow
from app.window.terminal import closed_from_the_terminal
from app.window.unattended import Unattended

if TYPE_CHECKING:
    from app.metrics_endpoint import RaceFigures
    from app.worker import Started

SWITCH_INTERVAL_S = 0.002
"""Each call into Qt while painting gives the interpreter lock up and waits up to one switch interval to get it back
from a thread that computes; the race stands still meanwhile, but not the recorder. At the default 5 ms frames are late;
at 0.5 ms all threads take a tenth more of the processor for handing the lock to each other."""


def application() -> QApplication:
    """Return the one QApplication, made at the first call."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("schedrace")
    app.setApplicationDisplayName("SchedRace")
    app.setDesktopFileName("schedrace")
    app.setWindowIcon(app_icon())
    return app


def preference_folder() -> Path:
    """Return the folder of the window's own settings (persistence.settings, which has those of the storage, brings
    SQLAlchemy in, and that before the first paint)."""
    home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(os.environ.get("SCHEDRACE_CONFIG_DIR") or Path(home) / "schedrace")


def make_window(folder: Path | None = None) -> MainWindow:
    """Return the window, not yet shown."""
    app = application()
    preferences = PreferenceFile(folder or preference_folder())
    return MainWindow(preferences, Theme.of(app))


def open_window(
    *,
    autostart: bool = False,
    screenshot: Path | None = None,
    record: bool = True,
    figures: RaceFigures | None = None,
) -> int:
    """Show the window and run until it is closed; return the exit status, 130 where a signal asked for it.

    ``autostart`` races the default race at full speed as soon as the window stands; ``screenshot`` saves the window's
    picture there, after that race or once the window is drawn, and closes it. Without ``record`` no result is stored.
    ``figures`` follow every race.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if screenshot is not None and os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        # nobody looks at this screen: make it a dense one, so that the picture is sharp on any other
        os.environ.setdefault("QT_SCALE_FACTOR", "2")
    app = application()
    window = make_window()
    window.record = record
    if figures is not None:
        follow_races(window, figures)
    with closed_from_the_terminal(window) as asked, ExitStack() as at_the_end:
        # what furnishing imports need not be walked
        window.when_furnished(lambda: at_the_end.enter_context(cycles_collected_here()))
        if autostart or screenshot is not None:
            window.when_furnished(Unattended(window, autostart, screenshot).begin)
        window.show()
        status = app.exec()
    if asked():
        from app.__main__ import INTERRUPTED

        return INTERRUPTED
    return status


def follow_races(window: MainWindow, figures: RaceFigures) -> None:
    """Have the figures show each race of the window from its start."""

    def follow(started: Started) -> None:
        control = window.desk.runner.control
        figures.follow(started.recorder, lambda: control.latest.completions if control.latest else 0)

    def begin() -> None:
        window.desk.runner.started.connect(follow)

    window.when_furnished(begin)
