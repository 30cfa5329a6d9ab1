"""Which features a learner's times hang on, as a small list of bars."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.charts.look import Look
from app.learning_findings import off

ROW_PX = 20
HEAD_PX = 22
MOST_ROWS = 5
NAME_SHARE = 0.5
"""How much of the width the names may take."""
NAME_GAP_PX = 12
VALUE_PX = 96
BAR_PX = 8
LEAST = 0.002
"""Growths of an error below this are chance."""


class ImportanceBars(QWidget):
    """The features that count most: how much more its times would be off if one were not known."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._policy = ""
        self.rows: list[tuple[str, float]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.setToolTip(
            "<p>How much more the learned times would be off if the values of one feature were exchanged between the "
            "tasks at random (permutation importance), over the latest tasks that were learned from.</p>"
        )
        self.show_importance("", {})

    def show_importance(self, policy: str, importance: Mapping[str, float]) -> None:
        """Take the growth of the error by feature; without any there is nothing to see."""
        counting = [(name, growth) for name, growth in importance.items() if growth >= LEAST]
        self.rows = sorted(counting, key=lambda row: row[1], reverse=True)[:MOST_ROWS]
        self._policy = policy
        self.setVisible(bool(self.rows))
        self.setMinimumHeight(HEAD_PX + ROW_PX * len(self.rows))
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for room for the bars."""
        return QSize(300, HEAD_PX + ROW_PX * MOST_ROWS)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(self._look.tokens.muted))
        painter.drawText(
            QRectF(0, 0, self.width(), HEAD_PX), Qt.AlignmentFlag.AlignVCenter, "How much more it is off without"
        )
        longest = max((painter.fontMetrics().horizontalAdvance(name) for name, _ in self.rows), default=0)
        name_px = min(longest + NAME_GAP_PX, NAME_SHARE * self.width())
        for row, (name, growth) in enumerate(self.rows):
            self._paint_row(painter, HEAD_PX + row * ROW_PX, name, name_px, growth)
        painter.end()

    def _paint_row(self, painter: QPainter, top: float, name: str, name_px: float, growth: float) -> None:
        tokens, middle = self._look.tokens, Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(tokens.text))
        shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(name_px) - 8)
        painter.drawText(QRectF(0, top, name_px, ROW_PX), middle, shown)
        room = max(self.width() - name_px - VALUE_PX, 20.0)
        bar = QRectF(name_px, top + (ROW_PX - BAR_PX) / 2, room, BAR_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.grid))
        painter.drawRoundedRect(bar, 3, 3)
        bar.setWidth(max(room * growth / self.rows[0][1], 3.0))
        painter.setBrush(self._look.colour(self._policy))
        painter.drawRoundedRect(bar, 3, 3)
        painter.setPen(QColor(tokens.muted))
        text = f"+{off(growth)}" if growth < math.log(2.0) else off(growth)
        painter.drawText(QRectF(name_px + room + 8, top, VALUE_PX - 8, ROW_PX), middle, text)
