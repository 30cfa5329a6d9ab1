"""A small field that asks for a task of the race."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

FIELD_PX = 76
TIP = (
    "<p>What each policy knew, believed and chose for one task of the race, and what would have been best: write its "
    "number or its id, or click on a point below.</p>"
)


class TaskField(QWidget):
    """``entered`` with what was written, which may be no task at all."""

    entered = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.text = QLineEdit()
        self.text.setPlaceholderText("Task")
        self.text.setAccessibleName("Task")
        self.text.setFixedWidth(FIELD_PX)
        self.button = QPushButton("Explain")
        self.button.setObjectName("link")
        self.setToolTip(TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self.text, self.button):
            row.addWidget(widget)
        self.text.returnPressed.connect(self._enter)
        self.button.clicked.connect(self._enter)

    def _enter(self) -> None:
        self.entered.emit(self.text.text())
