"""How sure a learner says that it is against how often that holds: on the diagonal it is honest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from app.charts.look import Look
from app.charts.predictions import AXIS_PX, GLYPHS, SYMBOLS
from app.charts.still_plot import StillPlot
from app.learning_findings import shown_models
from app.texts import percent
from engine.calibration import LEVELS, Coverage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.learning import LearningFrame

LEAST, MOST = 44.0, 100.0
"""Percent: the chances that are judged."""
ROOM = 2.5
"""Percent above and to the right, so that the last tick is not cut."""
NAMED = (0.5, 0.8, 0.95)
"""Chances that are named at the axis; a fourth would not fit side by side on a narrow chart."""
STEP = 10.0
"""Percent by which the value axis grows downwards."""
POINT_PX = 8
LINE_PX = 2.0
BAND_ALPHA, POINT_ALPHA = 60, 190


class CalibrationChart(StillPlot):
    """A line through all device models with its confidence band, and a point for each of them."""

    def __init__(self, look: Look) -> None:
        super().__init__(look, AXIS_PX, "\u00a0%", "")
        self._policy = ""
        self._shown: LearningFrame | None = None
        self._bottom = LEAST
        self._diagonal = pg.PlotCurveItem([LEAST, MOST], [LEAST, MOST])
        self._edges = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._band = pg.FillBetweenItem(*self._edges)
        self._line = pg.PlotCurveItem()
        self._points = [
            pg.ScatterPlotItem(size=POINT_PX, symbol=symbol, pen=pg.mkPen(None), hoverable=True, tip=_tip)
            for symbol in SYMBOLS
        ]
        self._set_up()
        self.restyle()

    def _set_up(self) -> None:
        plot = self.getPlotItem()
        for item in (self._band, *self._edges, self._diagonal, self._line, *self._points):
            self.addItem(item, ignoreBounds=True)
        plot.setXRange(LEAST, MOST + ROOM, padding=0)
        plot.setYRange(self._bottom, MOST + ROOM, padding=0)
        plot.getAxis("bottom").setTicks(
            [[(100 * chance, f"{100 * chance:.0f}" if chance in NAMED else "") for chance in LEVELS]]
        )
        plot.getAxis("left").setStyle(maxTickLevel=0)
        self.setMinimumHeight(96)
        self.getAxis("bottom").setToolTip("With which chance the true seconds were to lie within the spread")
        self.getAxis("left").setToolTip("How often they did, for tasks that no fit had seen; shaded: 95 % confidence")

    def begin(self) -> None:
        """Forget the last race."""
        self._shown, self._bottom = None, LEAST
        self.getPlotItem().setYRange(LEAST, MOST + ROOM, padding=0)
        for curve in (*self._edges, self._line):
            curve.setData([], [])
        for points in self._points:
            points.clear()
        self.viewport().update()

    def show_learning(self, policy: str, learning: LearningFrame) -> None:
        """Draw how often the spread of a policy's learner held."""
        if learning is self._shown and policy == self._policy:
            return
        if policy != self._policy:
            self.begin()
        self._policy, self._shown = policy, learning
        stated, observed = _columns(learning.calibration)
        bands = 100 * np.array([coverage.band for coverage in learning.calibration]).reshape(-1, 2)
        self._line.setData(stated, observed)
        for edge, values in zip(self._edges, bands.T, strict=True):
            edge.setData(stated, values)
        models = [model for model in shown_models(learning) if model.calibration]
        lowest = bands.min(initial=LEAST)
        for slot, points in enumerate(self._points):
            if slot < len(models):
                model = models[slot]
                points.setData(
                    *_columns(model.calibration), data=[(model.model, coverage) for coverage in model.calibration]
                )
                lowest = min(lowest, _columns(model.calibration)[1].min())
            else:
                points.clear()
        self._make_room(lowest)
        self.restyle()

    def legend(self) -> str:
        """Return, as rich text, what is which, and on how many tasks it rests."""
        if self._shown is None or not self._shown.calibration:
            return ""
        colour = self._look.colour(self._policy).name()
        models = [model for model in shown_models(self._shown) if model.calibration]
        parts = [f"<span style='color:{colour}'>━</span>&nbsp;{self._shown.calibration[0].count:,}&nbsp;tasks"]
        parts += [
            f"<span style='color:{colour}'>{glyph}</span>&nbsp;{model.model}"
            for glyph, model in zip(GLYPHS, models, strict=False)
        ]
        muted = self._look.tokens.muted
        return "&nbsp;&nbsp; ".join([*parts, f"<span style='color:{muted}'>┄</span>&nbsp;honest"])

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens, colour = self._look.tokens, self._look.colour(self._policy)
        self.dress({"left": "holds", "bottom": "stated, in %"})
        ratio = self.devicePixelRatioF()
        self._diagonal.setPen(pg.mkPen(tokens.muted, width=ratio, style=Qt.PenStyle.DashLine))
        self._line.setPen(pg.mkPen(colour, width=LINE_PX * ratio))
        for edge in self._edges:
            edge.setPen(pg.mkPen(None))
        self._band.setBrush(pg.mkBrush(_veiled(colour, BAND_ALPHA)))
        for points in self._points:
            points.setBrush(pg.mkBrush(_veiled(colour, POINT_ALPHA)))
        self.viewport().update()

    def _make_room(self, lowest: float) -> None:
        """Move the lower end of the value axis down, in steps, until everything is in it."""
        bottom = min(self._bottom, STEP * np.floor((lowest - 1.0) / STEP) if lowest < LEAST else LEAST)
        if bottom != self._bottom:
            self._bottom = max(float(bottom), 0.0)
            self.getPlotItem().setYRange(self._bottom, MOST + ROOM, padding=0)


def _columns(calibration: Sequence[Coverage]) -> tuple[np.ndarray, np.ndarray]:
    """Return the stated and the observed chances in percent."""
    pairs = np.array([(coverage.stated, coverage.observed) for coverage in calibration]).reshape(-1, 2)
    return 100 * pairs[:, 0], 100 * pairs[:, 1]


def _veiled(colour: QColor, alpha: int) -> QColor:
    veiled = QColor(colour)
    veiled.setAlpha(alpha)
    return veiled


def _tip(x: float, y: float, data: tuple[str, Coverage]) -> str:
    model, of = data
    low, high = of.band
    return (
        f"{model}: states {percent(of.stated)}, holds {percent(of.observed)} ({of.held:,} of {of.count:,}; "
        f"{percent(low)} to {percent(high)} with 95 % confidence)"
    )
