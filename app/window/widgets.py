"""Small pieces that several parts of the window are made of."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScrollBar,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.window.elided_label import ElidedLabel

PAGE_MARGINS = (10, 8, 0, 8)
"""Around a page that scrolls: left, top, right, bottom. On its right the bar has its 10 pixels (style.qss)."""


class Card(QFrame):
    """A titled panel that shows a sentence until it has something better to show."""

    def __init__(self, title: str, empty: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self._first_title = title
        self.title = ElidedLabel(title, "cardTitle", breaks=True)
        self.empty = muted_text(empty)
        self.head = QHBoxLayout()
        self.head.setSpacing(12)
        self.head.addWidget(self.title, 1)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 7, 10, 6)
        layout.setSpacing(4)
        layout.addLayout(self.head)
        layout.addLayout(self._stack, 1)

    def hold(self, content: QWidget) -> None:
        """Take the chart; the sentence stays in front until :meth:`begin`."""
        self._stack.addWidget(content)

    def begin(self) -> None:
        """Show the chart, under the title that says nothing of a race yet."""
        self.title.set_whole(self._first_title)
        self._stack.setCurrentIndex(self._stack.count() - 1)

    def clear(self) -> None:
        """Show the sentence again."""
        self.title.set_whole(self._first_title)
        self._stack.setCurrentIndex(0)


class ClickableRow(QWidget):
    """A row that reports a click anywhere on it."""

    clicked = Signal()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Report the click."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()
        super().mousePressEvent(event)


def column(*parts: QWidget, growing: QWidget) -> QWidget:
    """Return parts one below the other, of which one takes all the room there is."""
    whole = QWidget()
    layout = QVBoxLayout(whole)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for part in parts:
        layout.addWidget(part, part is growing)
    return whole


class PatientBar(QScrollBar):
    """Keeps its room on the right of a page, also while there is nothing to scroll, and is not seen then.

    If it took its room from the page only when needed, a title that takes two lines beside it and one without it would
    call and dismiss it for ever: Qt resizes the page while it resizes the page, until the stack is full and the program
    crashes.
    """

    def paintEvent(self, event: QPaintEvent) -> None:
        """Be seen only when there is something to scroll; a disabled bar would keep the wheel from what is around."""
        if self.maximum() > self.minimum():
            super().paintEvent(event)


def scrolled(page: QWidget) -> QScrollArea:
    """Return a page that scrolls where it is higher than the window: squeezed, its charts could not be read."""
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
    area.setVerticalScrollBar(PatientBar())
    for part in (area.viewport(), page):
        part.setAutoFillBackground(False)
    return area


def muted_text(text: str = "") -> QLabel:
    """Return words in the middle of their room, less important than what is beside them."""
    label = QLabel(text)
    label.setObjectName("muted")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    return label
