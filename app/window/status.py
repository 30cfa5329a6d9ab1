"""The status bar: where the rows go and why, which run this is, how fast it goes, what failed to load."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QPushButton, QStatusBar

from app.texts import plural
from app.window.elided_label import ElidedLabel

if TYPE_CHECKING:
    from persistence.recording.recorder import RecorderStatus
    from persistence.storage import Storage
    from plugins.registry import Registry

STORAGES = {
    "postgresql": "PostgreSQL",
    "postgresql-embedded": "PostgreSQL (own server)",
    "csv": "CSV journal",
    "none": "not stored",
}
REPEATED = "Storage: nothing is stored twice; this repeats the race in the terminal"
RATE_OVER_S = 1.0


class StatusLine(QStatusBar):
    """``wants_plugins`` when the count of failed plugins is clicked.

    Where it ``repeats`` a race of the terminal, for a picture, it says so: the name of the run and its rows are there.
    """

    wants_plugins = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.repeats = False
        self.setSizeGripEnabled(False)
        self.storage = ElidedLabel("Storage: looking …")
        self.run, self.rate = QLabel(), QLabel()
        self.failed = QPushButton()
        self.failed.setObjectName("failed_plugins")
        self.failed.clicked.connect(self.wants_plugins)
        self.failed.hide()
        self.addWidget(self.storage, 1)
        for widget in (self.rate, self.run, self.failed):
            self.addPermanentWidget(widget)
        self._seen: tuple[float, int] = (0.0, 0)

    def show_storage(self, storage: Storage) -> None:
        """Show where the rows of the next race will go."""
        self._say_storage(storage.kind, storage.where, storage.why, storage.problem, "")

    def show_recording(self, status: RecorderStatus) -> None:
        """Show how recording stands."""
        rows = f"{status.rows_written:,} rows stored"
        if status.rows_pending:
            rows += f", {status.rows_pending:,} on their way"
        self._say_storage(status.kind, status.where, status.why, status.problem, rows)

    def show_plugins(self, registry: Registry) -> None:
        """Show how many plugins failed to load."""
        count = sum(record.state == "failed" for record in registry.plugins)
        self.failed.setText(f"{plural(count, 'plugin')} failed")
        self.failed.setToolTip("<p>Click to see which, and why. Everything else works.</p>")
        self.failed.setVisible(count > 0)

    def begin(self, run: str) -> None:
        """Show which run this is."""
        self.run.setText(f"Run {run}" if run and not self.repeats else "")
        self.run.setToolTip("<p>The name of this run in the database, and of its folder with the journal.</p>")
        self._seen = (time.monotonic(), 0)

    def show_rate(self, completions: int) -> None:
        """Show how many tasks a second of wall time finish, all policies together."""
        at, before = self._seen
        now = time.monotonic()
        if now - at >= RATE_OVER_S:
            self.rate.setText(f"{(completions - before) / (now - at):,.0f} tasks/s")
            self.rate.setToolTip("<p>Finished tasks per second of wall time, all policies together.</p>")
            self._seen = (now, completions)

    def end(self) -> None:
        """Show that nothing races."""
        self.rate.setText("")

    def _say_storage(self, kind: str, where: str, why: str, problem: str | None, rows: str) -> None:
        if self.repeats:
            self.storage.set_whole(REPEATED)
            return
        name = STORAGES.get(kind, kind)
        short = problem or why
        self.storage.set_whole(" · ".join(part for part in (f"Storage: {name}", rows, short) if part))
        lines = [f"<b>{name}</b> {where}", why, f"<b>{problem}</b>" if problem else "", rows]
        self.storage.set_tip("<br>".join(line for line in lines if line))
