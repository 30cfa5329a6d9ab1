"""``--autostart`` and ``--screenshot``: the window works by itself, for pictures and for checks."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from app.window.main_window import MainWindow

SETTLING_MS = 300
"""Layouts and charts reach their final size within a few rounds of the event loop."""


class Unattended(QObject):
    """``autostart`` races the default race at full speed; ``screenshot`` saves a picture at its end, or at once without
    a race, and quits."""

    def __init__(self, window: MainWindow, autostart: bool, screenshot: Path | None) -> None:
        super().__init__(window)
        self._window, self._autostart, self._screenshot = window, autostart, screenshot
        self._status = 0

    def begin(self) -> None:
        """Start; what the user chose the last time is neither used nor overwritten."""
        from engine.spec import RaceSpec

        window = self._window
        window.remember = False
        if not self._autostart:
            QTimer.singleShot(SETTLING_MS, self._picture)
            return
        window.resize(window.sizeHint().expandedTo(window.size()))
        window.form.show_spec(RaceSpec(tasks=2000, load=0.8))
        window.toolbar.set_speed(math.inf)
        window.desk.over.connect(self._over)
        window.desk.start(watched=False)
        if not window.desk.running:
            self._over(False)

    def _over(self, well: bool) -> None:
        self._status = 0 if well else 1
        if not well:
            print(self._window.race_tab.beyond.whole, file=sys.stderr)
        if self._screenshot is not None:
            QTimer.singleShot(SETTLING_MS, self._picture)

    def _picture(self) -> None:
        if not self._window.grab().save(str(self._screenshot)):
            print(f"The picture could not be written to {self._screenshot}. Choose another place.", file=sys.stderr)
            self._status = 1
        self._window.close()
        QApplication.exit(self._status)
