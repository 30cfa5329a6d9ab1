"""Where the work went: for each policy, which share of its tasks ran on CPUs, on GPUs, and split over both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.charts.look import LEFT_MARGIN, Look
from app.texts import percent, plural

if TYPE_CHECKING:
    from engine.frame import Frame, LaneFrame

ROW_PX = 24
GAP_PX = 8
LEGEND_PX = 30
NAME_PX = LEFT_MARGIN + 40
LEGEND = (("cpu", "CPU only"), ("gpu", "GPU only"), ("both", "split over CPU and GPU"))


class WorkChart(QWidget):
    """One stacked bar a policy, 100 % wide."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._lanes: tuple[LaneFrame, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def begin(self) -> None:
        """Forget the last race."""
        self._lanes = ()

    def show_frame(self, frame: Frame) -> None:
        """Take a frame; it is painted at the next repaint."""
        if len(frame.lanes) != len(self._lanes):
            self.setMinimumHeight(LEGEND_PX + len(frame.lanes) * (ROW_PX + GAP_PX))
        self._lanes = frame.lanes

    def restyle(self) -> None:
        """Wear the theme in use."""
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for room for the legend and every policy."""
        return QSize(400, LEGEND_PX + max(4, len(self._lanes)) * (ROW_PX + GAP_PX))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the legend and the bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_legend(painter)
        for row, lane in enumerate(self._lanes):
            self._paint_lane(painter, LEGEND_PX + row * (ROW_PX + GAP_PX), lane)
        painter.end()

    def _paint_legend(self, painter: QPainter) -> None:
        left = float(NAME_PX)
        for kind, text in LEGEND:
            painter.fillRect(QRectF(left, 6, 12, 12), self._look.kind_colour(kind))
            painter.setPen(QColor(self._look.tokens.muted))
            painter.drawText(QRectF(left + 18, 0, 400, 24), Qt.AlignmentFlag.AlignVCenter, text)
            left += 18 + painter.fontMetrics().horizontalAdvance(text) + 24

    def _paint_lane(self, painter: QPainter, top: float, lane: LaneFrame) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(self._look.tokens.text))
        name = painter.fontMetrics().elidedText(lane.scheduler, Qt.TextElideMode.ElideRight, NAME_PX - 12)
        painter.drawText(QRectF(0, top, NAME_PX - 12, ROW_PX), middle | Qt.AlignmentFlag.AlignRight, name)
        bar = QRectF(NAME_PX, top, max(self.width() - NAME_PX - 110, 40), ROW_PX)
        painter.fillRect(bar, QColor(self._look.tokens.grid))
        left = bar.left()
        for (kind, _), count in zip(LEGEND, (lane.on_cpu, lane.on_gpu, lane.on_both), strict=True):
            share = count / lane.finished if lane.finished else 0.0
            part = QRectF(left, top, bar.width() * share, ROW_PX)
            painter.fillRect(part, self._look.kind_colour(kind))
            if part.width() > 44:
                painter.setPen(QColor("#0E1116" if self._look.tokens.dark or kind == "both" else "#FFFFFF"))
                painter.drawText(part, Qt.AlignmentFlag.AlignCenter, percent(share))
            left = part.right()
        painter.setPen(QColor(self._look.tokens.muted))
        painter.drawText(QRectF(bar.right() + 10, top, 100, ROW_PX), middle, plural(lane.finished, "task"))
