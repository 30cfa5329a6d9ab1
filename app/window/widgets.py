"""Small pieces that several parts of the window are made of."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget


class ElidedLabel(QLabel):
    """One line that ends in '…' where it is too long; the whole of it is the tooltip, unless another one is set."""

    def __init__(self, text: str = "", name: str = "") -> None:
        super().__init__()
        self._whole = ""
        self._own_tip = False
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.set_whole(text)

    @property
    def whole(self) -> str:
        """The text without the ellipsis."""
        return self._whole

    def set_whole(self, text: str) -> None:
        """Show another text."""
        if text != self._whole:
            self._whole = text
            self._elide()

    def set_tip(self, tip: str) -> None:
        """Use a tooltip that says more than the text."""
        self._own_tip = True
        self.setToolTip(f"<p>{tip}</p>")

    def minimumSizeHint(self) -> QSize:
        """Be as narrow as needed."""
        return QSize(20, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut anew."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width() - 2, 10))
        if shown != self.text():
            self.setText(shown)
        if not self._own_tip:
            self.setToolTip(f"<p>{self._whole}</p>" if shown != self._whole else "")


class Card(QFrame):
    """A titled panel that shows a sentence until it has something better to show."""

    def __init__(self, title: str, empty: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self._first_title = title
        self.title = ElidedLabel(title, "cardTitle")
        self.empty = QLabel(empty)
        self.empty.setObjectName("muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
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


def column(chart: QWidget, below: QWidget) -> QWidget:
    """Return a chart that takes all the room there is, with something small below it."""
    both = QWidget()
    layout = QVBoxLayout(both)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    layout.addWidget(chart, 1)
    layout.addWidget(below)
    return both
