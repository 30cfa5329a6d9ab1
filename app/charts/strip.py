"""The devices of the selected policy over time: how busy each is (colour) and how much queues for it (grey, below)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.charts.look import LEFT_MARGIN, RIGHT_MARGIN, Look, horizon_s
from app.findings import strip_title
from app.texts import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.cluster import Cluster, Device
    from engine.frame import DeviceStrip, Frame
    from engine.workload import FloatArray

ROW_PX = 16.0
GAP_PX = 3.0
MOST_PX = 150.0
"""Higher than this the strip never gets: the rows of large clusters become thinner, down to lines."""
LEAST_PX = 48
LEGIBLE_PX = 14.0
"""Rows that are thinner are named by kind, not one by one."""
QUEUE_SHARE = 0.28


class DeviceStripChart(QWidget):
    """A row for each device on the same time axis as the response curves above it."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._cluster: Cluster | None = None
        self._strip: DeviceStrip | None = None
        self._end_s = 1.0
        self._most_queued = 1.0
        self._row_px = ROW_PX + GAP_PX
        self._done = False
        self._last_busy = 0
        self.setToolTip(
            "<p>Time runs to the right, as above. Colour: the device is busy; grey: idle. "
            "The line at the bottom of a row: work queues for it, the stronger the more.</p>"
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def begin(self, cluster: Cluster) -> None:
        """Forget the last race; rows are the devices of this cluster."""
        self._cluster, self._strip, self._most_queued = cluster, None, 1.0
        self.updateGeometry()

    def show_frame(self, frame: Frame) -> None:
        """Take a frame; it is painted at the next repaint."""
        self._strip, self._done = frame.strip, frame.done
        self._end_s = horizon_s(frame)
        if frame.strip is not None:  # a race that has just begun may have no buckets yet
            self._last_busy = int(np.max(np.flatnonzero(frame.strip.busy.any(axis=0)), initial=-1)) + 1
            self._most_queued = float(frame.strip.queued.max(initial=self._most_queued))

    def title(self) -> str:
        """Return what the devices do now, or did in the whole race."""
        if self._strip is None or self._cluster is None:
            return "Devices of the selected policy"
        busy = {}
        for kind in ("cpu", "gpu"):
            devices = self._cluster.of_kind(kind)
            if devices:
                busy[kind] = self._share(devices, self._strip)
        return strip_title(self._strip, busy, self._done)

    def restyle(self) -> None:
        """Wear the theme in use."""
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for room for every device."""
        devices = len(self._cluster.devices) if self._cluster else 6
        return QSize(400, round(min((ROW_PX + GAP_PX) * devices, MOST_PX)))

    def minimumSizeHint(self) -> QSize:
        """In a small window the rows become thinner."""
        return QSize(200, min(self.sizeHint().height(), LEAST_PX))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint every device's row."""
        if self._strip is None or self._cluster is None:
            return
        self._row_px = min(ROW_PX + GAP_PX, self.height() / len(self._strip.busy))
        painter = QPainter(self)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        painter.setFont(font)
        self._paint_lanes(painter, self._strip)
        if self._row_px >= LEGIBLE_PX:
            for device in self._cluster.devices:
                row = int(self._strip.row_of[device.index])
                self._name(painter, row, 1, device.id, self._now(device, self._strip))
        else:
            self._name_kinds(painter, self._cluster, self._strip)
        painter.end()

    def _paint_lanes(self, painter: QPainter, strip: DeviceStrip) -> None:
        """Paint all rows from two small pictures, one row of pixels each: busy above, queued below."""
        tokens, idle = self._look.tokens, QColor(self._look.tokens.grid)
        colour, gap = self._look.colour(strip.scheduler), GAP_PX if self._row_px > 2 * GAP_PX else 0.0
        width = max(self.width() - LEFT_MARGIN - RIGHT_MARGIN, 10)
        height, buckets = self._row_px - gap, len(strip.edges_s) - 1
        seen = width * min(strip.edges_s[-1] / self._end_s, 1.0) if buckets > 0 else 0.0
        if buckets > 0:
            busy = _shades(strip.busy, idle, colour)
            # a square root, so that short queues are seen beside long ones; sums of spans may miss 0 by a rounding
            queued = _shades(np.sqrt(np.maximum(strip.queued, 0.0) / self._most_queued), idle, QColor(tokens.muted))
        for row in range(len(strip.busy)):
            top = row * self._row_px
            painter.fillRect(QRectF(LEFT_MARGIN, top, width, height), idle)
            if buckets > 0:
                pixels, above = QRectF(0, row, buckets, 1), height * (1 - QUEUE_SHARE)
                painter.drawImage(QRectF(LEFT_MARGIN, top, seen, above), busy, pixels)
                below = QRectF(LEFT_MARGIN, top + above + 1, seen, height - above - 1)
                painter.drawImage(below, queued, pixels)

    def _name(self, painter: QPainter, first: int, rows: int, name: str, now: str) -> None:
        top, height = first * self._row_px, rows * self._row_px - GAP_PX
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip  # thin rows are lower than letters
        painter.setPen(QColor(self._look.tokens.text))
        painter.drawText(QRectF(0, top, LEFT_MARGIN - 8, height), middle | Qt.AlignmentFlag.AlignRight, name)
        painter.setPen(QColor(self._look.tokens.muted))
        left = self.width() - RIGHT_MARGIN + 8
        painter.drawText(QRectF(left, top, RIGHT_MARGIN - 8, height), middle, now)

    def _name_kinds(self, painter: QPainter, cluster: Cluster, strip: DeviceStrip) -> None:
        """Name the devices of one kind together."""
        for kind in ("cpu", "gpu"):
            devices = cluster.of_kind(kind)
            if devices:
                rows = strip.row_of[[device.index for device in devices]]
                name = f"{len(devices):,} {kind.upper()}{'s' if len(devices) > 1 else ''}"
                busy = f"{percent(self._share(devices, strip))} busy"
                self._name(painter, int(rows[0]), len(np.unique(rows)), name, busy)

    def _share(self, devices: Sequence[Device], strip: DeviceStrip) -> float:
        """Return the busy share of the slots of devices that have rows of their own: now, or up to the policy's last
        task when the race is done."""
        index, slots = [device.index for device in devices], np.array([device.slots for device in devices])
        if not self._done:
            return float(strip.busy_now[index].sum() / slots.sum())
        of_row = strip.busy[:, : self._last_busy].mean(axis=1) if self._last_busy else np.zeros(len(strip.busy))
        return float((of_row[strip.row_of[index]] * slots).sum() / slots.sum())

    def _now(self, device: Device, strip: DeviceStrip) -> str:
        if self._done:
            return f"{percent(self._share([device], strip))} busy"
        queued = int(strip.queued_now[device.index])
        waiting = f", {queued:,} queued" if queued else ""
        return f"{int(strip.busy_now[device.index])}/{device.slots} busy{waiting}"


def _shades(share: FloatArray, low: QColor, high: QColor) -> QImage:
    """Return a picture of a matrix: ``low`` for 0, ``high`` for 1."""
    ends = np.array([[c.blue(), c.green(), c.red(), 255] for c in (low, high)], dtype=np.float32)
    part = np.clip(share, 0.0, 1.0).astype(np.float32)[:, :, None]
    pixels = np.ascontiguousarray(ends[0] + part * (ends[1] - ends[0]), dtype=np.uint8)
    rows, columns = share.shape
    return QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_RGB32).copy()
