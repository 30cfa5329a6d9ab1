"""The devices of the selected policy over time: how busy each is (colour) and how much queues for it (amber, below)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.charts.look import LEFT_MARGIN, RIGHT_MARGIN, Look, horizon_s
from app.findings import strip_title

if TYPE_CHECKING:
    from engine.cluster import Cluster, Device
    from engine.frame import DeviceStrip, Frame
    from engine.workload import FloatArray

ROW_PX = 17
GAP_PX = 3
QUEUE_SHARE = 0.3


class DeviceStripChart(QWidget):
    """A row for each device on the same time axis as the response curves above it."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._cluster: Cluster | None = None
        self._strip: DeviceStrip | None = None
        self._end_s = 1.0
        self._most_queued = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def begin(self, cluster: Cluster) -> None:
        """Forget the last race; rows are the devices of this cluster."""
        self._cluster, self._strip, self._most_queued = cluster, None, 1.0
        self.setFixedHeight(self._rows_px())
        self.updateGeometry()

    def show_frame(self, frame: Frame) -> None:
        """Take a frame; it is painted at the next repaint."""
        self._strip = frame.strip
        self._end_s = horizon_s(frame)
        if frame.strip is not None and frame.strip.queued.size:
            self._most_queued = max(self._most_queued, float(frame.strip.queued.max()))

    def title(self) -> str:
        """Return what the devices do now."""
        if self._strip is None or self._cluster is None:
            return "Devices of the selected policy"
        slots = {}
        for kind in ("cpu", "gpu"):
            devices = self._cluster.of_kind(kind)
            busy = sum(int(self._strip.busy_now[d.index]) for d in devices)
            slots[kind] = (busy, sum(d.slots for d in devices))
        return strip_title(self._strip, slots, int(self._strip.queued_now.sum()))

    def restyle(self) -> None:
        """Wear the theme in use."""
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for room for every device."""
        return QSize(400, self._rows_px())

    def _rows_px(self) -> int:
        return max(1, len(self._cluster.devices) if self._cluster else 6) * (ROW_PX + GAP_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint every device's row."""
        if self._strip is None or self._cluster is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        painter.setFont(font)
        for device in self._cluster.devices:
            self._paint_device(painter, device, self._strip)
        painter.end()

    def _paint_device(self, painter: QPainter, device: Device, strip: DeviceStrip) -> None:
        top = device.index * (ROW_PX + GAP_PX)
        tokens = self._look.tokens
        lane = QRectF(LEFT_MARGIN, top, max(self.width() - LEFT_MARGIN - RIGHT_MARGIN, 10), ROW_PX)
        painter.fillRect(lane, QColor(tokens.grid))
        if len(strip.edges_s) > 1:
            seen = strip.edges_s[-1] / self._end_s
            drawn = QRectF(lane.left(), top, lane.width() * min(seen, 1.0), ROW_PX * (1 - QUEUE_SHARE))
            below = QRectF(drawn.left(), drawn.bottom(), drawn.width(), ROW_PX * QUEUE_SHARE)
            idle = QColor(tokens.grid)
            painter.drawImage(drawn, _shades(strip.busy[device.index], idle, self._look.colour(strip.scheduler)))
            queued = np.sqrt(np.maximum(strip.queued[device.index], 0.0) / self._most_queued)
            painter.drawImage(below, _shades(queued, idle, QColor("#E8A600")))
        painter.setPen(QColor(tokens.text))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, top, LEFT_MARGIN - 8, ROW_PX), middle | Qt.AlignmentFlag.AlignRight, device.id)
        painter.setPen(QColor(tokens.muted))
        painter.drawText(QRectF(lane.right() + 8, top, RIGHT_MARGIN - 8, ROW_PX), middle, self._now(device, strip))

    @staticmethod
    def _now(device: Device, strip: DeviceStrip) -> str:
        queued = int(strip.queued_now[device.index])
        waiting = f", {queued} queued" if queued else ""
        return f"{int(strip.busy_now[device.index])}/{device.slots} busy{waiting}"


def _shades(share: FloatArray, low: QColor, high: QColor) -> QImage:
    """Return one row of pixels from ``low`` (0) to ``high`` (1)."""
    ends = np.array([[c.blue(), c.green(), c.red(), 255] for c in (low, high)], dtype=np.float64)
    part = np.clip(np.nan_to_num(share), 0, 1)[:, None]
    pixels = np.ascontiguousarray(ends[0] + part * (ends[1] - ends[0]), dtype=np.uint8)
    image = QImage(pixels.data, len(share), 1, 4 * len(share), QImage.Format.Format_RGB32)
    return image.copy()
