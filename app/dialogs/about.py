"""Help > About."""

from __future__ import annotations

import platform
from importlib.metadata import version

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.icons import app_icon

LIBRARIES = ("PySide6-Essentials", "pyqtgraph", "numpy", "scikit-learn", "sqlalchemy", "psycopg2-binary")


def versions() -> str:
    """Return the versions that a report of a defect needs, a line each."""
    lines = [f"SchedRace {version('schedrace')}", f"Python {platform.python_version()} on {platform.platform()}"]
    return "\n".join(lines + [f"{name} {version(name)}" for name in LIBRARIES])


class AboutDialog(QDialog):
    """What SchedRace is, and the versions of everything, to be copied."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About SchedRace")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._versions = versions()
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(96, 96))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        text = QLabel(
            "<h2>SchedRace</h2><p>A laboratory for scheduling clusters of CPUs and GPUs: policies race on the same "
            "tasks, live, and learn while they run. MIT licence.</p>"
        )
        text.setWordWrap(True)
        text.setMinimumWidth(380)
        listed = QLabel(self._versions)
        listed.setObjectName("muted")
        listed.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.addWidget(text)
        words.addWidget(listed)
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(picture)
        row.addLayout(words, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton("Copy versions")
        copy.clicked.connect(self._copy)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(16)
        layout.addLayout(row)
        layout.addWidget(buttons)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._versions)
