"""A line of text that gives way where there is no room for it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


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
        shown, room = self._whole, max(self.width() - 2, 10)
        if self.fontMetrics().horizontalAdvance(shown) > room:
            from PySide6.QtCore import Qt  # see MainWindow

            shown = self.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, room)
        if shown != self.text():
            self.setText(shown)
        if not self._own_tip:
            self.setToolTip(f"<p>{self._whole}</p>" if shown != self._whole else "")
