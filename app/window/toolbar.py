"""The toolbar: start, pause, step, stop, speed, clock and progress."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.texts import number, percent, plural

ON_TOOLBAR = ("start", "step", "stop", "finish")
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 16.0, math.inf)


def speed_text(factor: float) -> str:
    """Return a speed as it is shown: ``0.25×``, ``max``."""
    return "max" if math.isinf(factor) else f"{factor:g}×"


class RaceToolBar(QToolBar):
    """Reads the actions from the window's table; ``speed_chosen`` carries the factor."""

    speed_chosen = Signal(float)

    def __init__(self, actions: Mapping[str, QAction]) -> None:
        super().__init__("Race controls")
        self.setObjectName("race_toolbar")
        self.setMovable(False)
        for name in ON_TOOLBAR:
            self.addAction(actions[name])
        start = self.widgetForAction(actions["start"])
        start.setObjectName("primary")
        assert isinstance(start, QToolButton)
        start.setMinimumWidth(104)
        self.addSeparator()
        self.addWidget(_muted("Speed"))
        self.speed = QComboBox()
        self.speed.setObjectName("speed")
        self.speed.setToolTip(
            "<p>How fast the race is shown. At 1× the default race takes about 20 seconds; the results are the same at "
            "every speed.</p>"
        )
        for factor in SPEEDS:
            self.speed.addItem(speed_text(factor), factor)
        self.speed.activated.connect(self._chosen)
        self.addWidget(self.speed)
        self.addSeparator()
        self.clock = QLabel()
        self.clock.setObjectName("clock")
        self.clock.setToolTip("<p>The simulated clock, the same for all policies.</p>")
        self.progress_text = _muted("")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMinimumWidth(60)
        self.addWidget(self._progress_panel())
        self.reset()

    def set_speed(self, factor: float) -> None:
        """Show a speed without announcing it."""
        self.speed.setCurrentIndex(SPEEDS.index(factor) if factor in SPEEDS else SPEEDS.index(1.0))

    def reset(self) -> None:
        """Show that no race runs."""
        self.clock.setText("t = 0 s")
        self.progress.setRange(0, 1)
        self.progress.setValue(0)
        self.progress_text.setText("")

    def busy(self, text: str) -> None:
        """Show that something without a measure goes on."""
        self.progress.setRange(0, 0)
        self.progress_text.setText(text)

    def show_reading(self, share: float) -> None:
        """Show how much of a file has been read."""
        self.progress.setRange(0, 100)
        self.progress.setValue(round(100 * share))
        self.progress_text.setText(f"Reading the tasks … {percent(share)}")

    def show_progress(self, clock_s: float, finished: int, tasks: int) -> None:
        """Show the clock, and how many of the tasks every policy has finished."""
        self.clock.setText(f"t = {number(clock_s, 4)} s")
        self.progress.setUpdatesEnabled(False)  # or it would be painted at once, and all else that waits for a paint
        self.progress.setRange(0, max(tasks, 1))
        self.progress.setValue(finished)
        self.progress.setUpdatesEnabled(True)
        self.progress_text.setText(f"{finished:,} of {plural(tasks, 'task')}")
        self.progress_text.setToolTip("<p>Tasks that the slowest policy, and so every one, has finished.</p>")

    def _chosen(self) -> None:
        self.speed_chosen.emit(float(self.speed.currentData()))

    def _progress_panel(self) -> QWidget:
        panel = QWidget()
        panel.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        words = QHBoxLayout()
        words.addWidget(self.clock, 1)
        words.addWidget(self.progress_text)
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(8, 0, 8, 0)
        layout.setSpacing(4)
        layout.addLayout(words)
        layout.addWidget(self.progress)
        return panel


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("muted")
    return label
