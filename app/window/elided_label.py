"""Words that give way where there is no room for them."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


class ElidedLabel(QLabel):
    """One line, or with ``breaks`` two, that ends in '…' where it is too long; the whole of it is then the tooltip,
    unless another one is set. Where two were needed once, there is room for two until the width changes: what is below
    must not jump with every word."""

    def __init__(self, text: str = "", name: str = "", breaks: bool = False) -> None:
        super().__init__()
        self._breaks = breaks
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
        if event.size().width() != event.oldSize().width():
            self.setMinimumHeight(0)
        self._elide()

    def _elide(self) -> None:
        shown, room = self._whole, max(self.contentsRect().width() - 2, 10)
        if self.fontMetrics().horizontalAdvance(shown) > room:
            shown = self._in_two(shown, room) if self._breaks else self._cut(shown, room)
        if shown != self.text():
            self.setText(shown)
            if "\n" in shown:
                self.setMinimumHeight(self.sizeHint().height())
        if not self._own_tip:
            self.setToolTip(f"<p>{self._whole}</p>" if "…" in shown and shown != self._whole else "")

    def _in_two(self, text: str, room: int) -> str:
        words, first = text.split(" "), 1
        while self.fontMetrics().horizontalAdvance(" ".join(words[: first + 1])) <= room:
            first += 1
        lines = " ".join(words[:first]), " ".join(words[first:])
        return "\n".join(self._cut(line, room) for line in lines if line)

    def _cut(self, line: str, room: int) -> str:
        from PySide6.QtCore import Qt  # see MainWindow

        return self.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, room)
