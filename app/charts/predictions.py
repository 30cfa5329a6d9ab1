"""What a learner predicted against what was observed: on the diagonal it was right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor

from app.charts.look import Look
from app.charts.still_plot import StillPlot
from app.learning_findings import shown_models
from app.texts import seconds

if TYPE_CHECKING:
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

    from engine.learning import LearningFrame, ModelFrame
    from engine.workload import FloatArray

SYMBOLS = ("o", "d", "t", "s")
GLYPHS = ("●", "◆", "▼", "■")
AXIS_PX = 78
POINT_PX = 6
LEARNED_ALPHA = 150
NOMINAL_ALPHA = 90
RING_PX = 14
REACH_PX = 12
"""How far beside a point a click may fall."""


class PredictionChart(StillPlot):
    """A point for each of the latest shares, on logarithmic axes of one range; the nominal times grey behind it.

    ``clicked`` with the task of a point.
    """

    clicked = Signal(int)

    def __init__(self, look: Look) -> None:
        # without its unit, which the label has: ticks must fit side by side on a narrow chart
        super().__init__(look, AXIS_PX, "\u00a0s", "")
        self._policy = ""
        self._shown: LearningFrame | None = None
        self._range = (0.0, 0.0)
        self._diagonal = pg.PlotCurveItem()
        self._nominal = [_points(symbol) for symbol in SYMBOLS]
        self._learned = [_points(symbol) for symbol in SYMBOLS]
        self._ring = pg.ScatterPlotItem(size=RING_PX, brush=pg.mkBrush(None))
        self._task = -1
        self._set_up()
        self.restyle()

    def _set_up(self) -> None:
        plot = self.getPlotItem()
        plot.setLogMode(x=True, y=True)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(maxTickLevel=1)
        for item in (self._diagonal, *self._nominal, *self._learned, self._ring):
            self.addItem(item, ignoreBounds=True)
        self.scene().sigMouseClicked.connect(self._on_click)
        self.setMinimumHeight(96)
        self.getAxis("bottom").setToolTip("How long the whole task takes there, as the share that ran has shown")
        self.getAxis("left").setToolTip("What was said of it before: by a fit that had not seen it, or by the workload")

    def begin(self) -> None:
        """Forget the last race."""
        self._shown, self._range, self._task = None, (0.0, 0.0), -1
        self._diagonal.setData([], [])
        for points in (*self._nominal, *self._learned, self._ring):
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
        self.mark(self._task)
        self.restyle()

    def mark(self, task: int) -> None:
        """Put a ring around what was predicted for a task, where that is shown; -1 marks none."""
        self._task = task
        points = [
            (m.observed_s[row], m.predicted_s[row]) for m in self._models() for row in np.flatnonzero(m.task == task)
        ]
        observed_s, predicted_s = np.array(points).reshape(-1, 2).T
        self._ring.setData(np.log10(observed_s), np.log10(predicted_s))
        self.viewport().update()

    def task_at(self, at: QPointF) -> int | None:
        """Return the task whose point is nearest to a point of the scene; None where none is near."""
        box = self.getPlotItem().getViewBox()
        there, (x_px, y_px) = box.mapSceneToView(at), box.viewPixelSize()
        nearest, task = float(REACH_PX), None
        for model in self._models():
            for said_s in (model.predicted_s, model.nominal_s):
                x, y = (np.log10(model.observed_s) - there.x()) / x_px, (np.log10(said_s) - there.y()) / y_px
                away = np.hypot(x, y)
                if len(away) and away.min() < nearest:
                    nearest, task = float(away.min()), int(model.task[away.argmin()])
        return task

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
        self._ring.setPen(pg.mkPen(tokens.text, width=1.6 * self.devicePixelRatioF()))
        for points, colour in ((self._nominal, nominal), (self._learned, learned)):
            for item in points:
                item.setBrush(pg.mkBrush(colour))
        self.viewport().update()

    def _models(self) -> list[ModelFrame]:
        return [] if self._shown is None else shown_models(self._shown)[: len(SYMBOLS)]

    def _on_click(self, event: MouseClickEvent) -> None:
        task = self.task_at(event.scenePos()) if event.button() == Qt.MouseButton.LeftButton else None
        if task is not None:
            self.clicked.emit(task)

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
    words = [f"Task {task} on {model.model}: {who}" for task in model.task.tolist()]
    points.setData(np.log10(model.observed_s), np.log10(said_s), data=words)


def _tip(x: float, y: float, data: str) -> str:
    return f"{data} {seconds(10**y)}, it took {seconds(10**x)}. Click: what each policy chose for it"
