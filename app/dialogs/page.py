"""A page of a dialog with tabs."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

MARGIN_PX = 14
SPACING_PX = 10


class Page(QWidget):
    """Never lower than its wrapped texts need at its width, for which tabs do not ask; ``column`` takes its widgets."""

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, MARGIN_PX, 0, 0)
        self.column.setSpacing(SPACING_PX)

    def event(self, event: QEvent) -> bool:
        """Look again when its size or a text has changed."""
        done = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            self.setMinimumHeight(self.column.totalHeightForWidth(self.width()))
        return done
