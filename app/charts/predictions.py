"""What a learner predicted against what was observed: on the diagonal it was right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from app.charts.look import Look
from app.charts.still_plot import StillPlot
from app.learning_findings import shown_models
from app.texts import seconds

if TYPE_CHECKING:
    from engine.learning import LearningFrame, ModelFrame
    from engine.workload import FloatArray

SYMBOLS = ("o", "d", "t", "s")
GLYPHS = ("●", "◆", "▼", "■")
AXIS_PX = 78
POINT_PX = 6
LEARNED_ALPHA = 150
NOMINAL_ALPHA = 90


class PredictionChart(StillPlot):
    """A point for each of the latest shares, on logarithmic axes of one range; the nominal times grey behind it."""

    def __init__(self, look: Look) -> None:
        # without its unit, which the label has: ticks must fit side by side on a narrow chart
        super().__init__(look, AXIS_PX, "\u00a0s", "")
        self._policy = ""
        self._shown: LearningFrame | None = None
        self._range = (0.0, 0.0)
        self._diagonal = pg.PlotCurveItem()
        self._nominal = [_points(symbol) for symbol in SYMBOLS]
        self._learned = [_points(symbol) for symbol in SYMBOLS]
        self._set_up()
        self.restyle()

    def _set_up(self) -> None:
        plot = self.getPlotItem()
        plot.setLogMode(x=True, y=True)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(maxTickLevel=1)
        for item in (self._diagonal, *self._nominal, *self._learned):
            self.addItem(item, ignoreBounds=True)
        self.setMinimumHeight(96)
        self.getAxis("bottom").setToolTip("How long the whole task takes there, as the share that ran has shown")
        self.getAxis("left").setToolTip("What was said of it before: by a fit that had not seen it, or by the workload")

    def begin(self) -> None:
        """Forget the last race."""
        self._shown, self._range = None, (0.0, 0.0)
        self._diagonal.setData([], [])
        for points in (*self._nominal, *self._learned):
            points.clear()
        self.viewport().update()

    def show_learning(self, policy: str, learning: LearningFrame) -> None:
        """Draw what a policy has learned."""
        if learning is self._shown and policy == self._policy:
            return
        self._policy, self._shown = policy, learning
        models = shown_models(learning)
        self._set_range(models)
        for slot in range(len(SYMBOLS)):
            if slot < len(models):
                model = models[slot]
                _draw(self._nominal[slot], model, model.nominal_s, "the nominal time was")
                _draw(self._learned[slot], model, model.predicted_s, f"{learning.estimator} said")
            else:
                self._nominal[slot].clear()
                self._learned[slot].clear()
        self.restyle()

    def legend(self) -> str:
        """Return, as rich text, which points are which."""
        if self._shown is None:
            return ""
        models = zip(GLYPHS, shown_models(self._shown), strict=False)
        colour = self._look.colour(self._policy).name()
        learned = "&nbsp;&nbsp;".join(
            f"<span style='color:{colour}'>{glyph}</span>&nbsp;{model.model}" for glyph, model in models
        )
        grey = f"<span style='color:{self._look.tokens.faint}'>{GLYPHS[0]}</span>&nbsp;nominal times"
        return f"{learned}&nbsp;&nbsp;{grey}"

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens = self._look.tokens
        self.dress({"left": "predicted", "bottom": "observed, in seconds"})
        self._diagonal.setPen(pg.mkPen(tokens.muted, width=self.devicePixelRatioF(), style=Qt.PenStyle.DashLine))
        learned, nominal = self._look.colour(self._policy), QColor(tokens.faint)
        learned.setAlpha(LEARNED_ALPHA)
        nominal.setAlpha(NOMINAL_ALPHA)
        for points, colour in ((self._nominal, nominal), (self._learned, learned)):
            for item in points:
                item.setBrush(pg.mkBrush(colour))
        self.viewport().update()

    def _set_range(self, models: list[ModelFrame]) -> None:
        """Widen the range, in quarters of a decade, until every point is in it."""
        logs = [np.log10(x) for m in models for x in (m.observed_s, m.predicted_s, m.nominal_s) if len(x)]
        if not logs:
            return
        every = np.concatenate(logs)
        low, high = np.floor(4 * every.min() - 0.2) / 4, np.ceil(4 * every.max() + 0.2) / 4
        if self._range[0] < self._range[1]:
            low, high = min(low, self._range[0]), max(high, self._range[1])
        if (low, high) != self._range:
            self._range = (float(low), float(high))
            self.getPlotItem().setXRange(low, high, padding=0)
            self.getPlotItem().setYRange(low, high, padding=0)
            self._diagonal.setData([low, high], [low, high])


def _points(symbol: str) -> pg.ScatterPlotItem:
    return pg.ScatterPlotItem(size=POINT_PX, symbol=symbol, pen=pg.mkPen(None), hoverable=True, tip=_tip)


def _draw(points: pg.ScatterPlotItem, model: ModelFrame, said_s: FloatArray, who: str) -> None:
    points.setData(np.log10(model.observed_s), np.log10(said_s), data=[f"{model.model}: {who}"] * len(said_s))


def _tip(x: float, y: float, data: str) -> str:
    return f"{data} {seconds(10**y)}, it took {seconds(10**x)}"
