"""A plot that stands still: nobody drags it, and it is painted when we say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsView

from app.charts.look import Look
from app.texts import number

LONG_FROM = 1e6
GAP_PX = 6
"""Between the texts of ticks that are side by side, at least."""
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class PlainAxis(pg.AxisItem):
    """An axis whose ticks are plain numbers with their unit: 1,200 s instead of 1.2e+03, on a log scale too."""

    def __init__(self, orientation: str, unit: str) -> None:
        super().__init__(orientation)
        self._unit = unit

    def show_in(self, unit: str, size: float) -> None:
        """Show values in another unit, of ``size`` of their own: 86,400 for seconds that are shown in days."""
        if unit != self._unit:
            self._unit = unit
            self.setScale(1.0 / size)

    def generateDrawSpecs(self, painter: QPainter) -> Any:
        """Return what is drawn (pyqtgraph's hook): side by side, only texts with a gap to those before them."""
        specs = super().generateDrawSpecs(painter)
        if specs is None or self.orientation != "bottom":
            return specs
        line, ticks, texts = specs
        kept: list[Any] = []
        for spec in texts:
            if not any(spec[0].adjusted(-GAP_PX, 0, GAP_PX, 0).intersects(other[0]) for other in kept):
                kept.append(spec)
        return line, ticks, kept

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the texts of ticks (pyqtgraph's hook)."""
        if self.logMode:
            return self.logTickStrings(values, scale, spacing)
        decimals = max(0, -int(np.floor(np.log10(spacing * scale)))) if spacing > 0 else 0
        return [f"{tick_text(value * scale, decimals)}{self._unit}" for value in values]

    def logTickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the texts of ticks on a log scale; only 1, 2 and 5 of each decade are named."""
        texts = []
        for value in values:
            size = 10**value * scale
            digit = round(size / 10 ** np.floor(np.log10(size) + 1e-9))
            text = tick_text(size, 0) if size >= LONG_FROM else number(size, 1)
            texts.append(f"{text}{self._unit}" if digit in (1, 2, 5) else "")
        return texts


def tick_text(value: float, decimals: int) -> str:
    """Return the text of a tick: 1,200, but 2·10⁷, which would not fit beside its axis."""
    if abs(value) < LONG_FROM:
        return f"{value:,.{decimals}f}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    power = f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    digits = mantissa.rstrip("0").rstrip(".")
    return power if digits == "1" else f"{digits}·{power}"


class StillPlot(pg.PlotWidget):
    """What all our plots are: plain numbers at the axes, ranges that we set, a left margin (pixels) that we set."""

    def __init__(self, look: Look, left_px: int, left_unit: str, bottom_unit: str) -> None:
        super().__init__(axisItems={"left": PlainAxis("left", left_unit), "bottom": PlainAxis("bottom", bottom_unit)})
        self._look = look
        # we say when: whoever repaints at once would otherwise see every change painted a second time
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.NoViewportUpdate)
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(False, False)
        plot.disableAutoRange()
        plot.layout.setContentsMargins(1, self.fontMetrics().height() // 2, 1, 1)  # a tick at the top is seen whole
        plot.getAxis("left").setWidth(left_px)
        for side in ("left", "bottom", "top", "right"):  # hidden ones, too, follow every change of a range
            plot.getAxis(side).enableAutoSIPrefix(False)

    def sizeHint(self) -> QSize:
        """Ask for little: a plot takes the room that there is."""
        return QSize(200, 96)

    def dress(self, labels: Mapping[str, str]) -> None:
        """Give ground and axes the colours of the theme in use, and these sides their labels."""
        tokens = self._look.tokens
        self.setBackground(tokens.card)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(QColor(tokens.grid))
            axis.setTextPen(QColor(tokens.muted))
            axis.setTickPen(QColor(tokens.grid))
            if side in labels:
                axis.setLabel(labels[side], color=tokens.muted)
