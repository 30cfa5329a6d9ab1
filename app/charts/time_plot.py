"""Lines of every policy over simulated time, each named at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem

from app.charts.apart import Place, Spot, along, apart, beside
from app.charts.look import LEFT_MARGIN, Look
from app.charts.still_plot import PlainAxis, StillPlot

SECONDS = "\u00a0s"
VEIL = 150
"""How much of a line under a name is covered, of 255: the name can be read, the line still be followed."""
VEIL_MARGIN_PX = 2
LONG = (("\u00a0d", 86_400.0), ("\u00a0h", 3_600.0))
"""Units in which a time axis is shown that is longer than :data:`UNITS` of them: traces cover weeks."""
UNITS = 3.0
LEAST_PX = 78
"""The height of a plot in the smallest window, when the titles of three cards have taken two lines."""
MARK_GAP = 0.02
"""Between a mark and its words, as a share of their width."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line: seconds and values, all of them finite (and above 0 on a log axis)."""

    t_s: np.ndarray
    value: np.ndarray


class Line(pg.PlotCurveItem):
    """The bare curve: PlotDataItem asks of every point, at every frame, what we know already; and so does its outline,
    of which only its owner's axes make use."""

    def boundingRect(self) -> QRectF:
        """Return all that is seen (pyqtgraph's hook), asked of the axes: the curve's own memory of it may be old."""
        box = self.getViewBox()
        return box.viewRect() if box is not None else QRectF()


class TimePlot(StillPlot):
    """A plot that is laid out once and then only gets new points; its ranges move in steps."""

    def __init__(self, look: Look, y_label: str, y_unit: str, gutter_px: int, x_unit: str = SECONDS) -> None:
        super().__init__(look, LEFT_MARGIN, y_unit, x_unit)
        self._shows_time = x_unit == SECONDS
        self._lines: dict[str, Line] = {}
        self._names: dict[str, pg.TextItem] = {}
        self._marks: dict[str, pg.InfiniteLine] = {}
        self._spots: dict[str, Spot | None] = {}
        self._taken: list[tuple[float, float, float]] = []
        self._floor: pg.InfiniteLine | None = None
        self._floor_place: Place | None = None
        self._log = False
        self._y = (0.0, 1.0)
        self._label = y_label
        self._gutter_px = gutter_px
        self._laid_out: tuple[float, tuple[float, float], bool, float] | None = None
        self._ends: Mapping[str, tuple[float, float]] = {}
        self._set_up()
        self.restyle()

    def _set_up(self) -> None:
        plot = self.getPlotItem()
        plot.showGrid(x=False, y=True, alpha=0.25)
        plot.getViewBox().setDefaultPadding(0.0)
        plot.getViewBox().sigResized.connect(self._lay_out_again)
        for name, levels in (("left", 1), ("bottom", 0)):
            # minor ticks and their grid lines cost half of a repaint; a log axis needs 2 and 5 between 1 and 10
            plot.getAxis(name).setStyle(maxTickLevel=levels)
            # drawn anew only when its ticks change: replaying its texts cost another quarter
            plot.getAxis(name).setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.setMinimumHeight(LEAST_PX)
        self.getAxis("bottom").setToolTip("Simulated time since the first task arrived")

    @property
    def log(self) -> bool:
        """Whether the value axis is logarithmic."""
        return self._log

    def clear_lines(self) -> None:
        """Forget every line, name and mark: another race begins."""
        for item in (*self._lines.values(), *self._names.values(), *self._marks.values()):
            self.removeItem(item)
        if self._floor is not None:
            self.removeItem(self._floor)
            self._floor = self._floor_place = None
        self._lines.clear()
        self._names.clear()
        self._ends, self._taken = {}, []
        self._marks.clear()
        self._spots.clear()
        self.viewport().update()

    def draw(self, series: Mapping[str, Series], end_s: float, y: tuple[float, float], log: bool) -> None:
        """Show these lines on a time axis that ends at ``end_s``."""
        self._set_ranges(end_s, y, log)
        ends: dict[str, tuple[float, float]] = {}
        for name, line in series.items():
            value = np.log10(line.value) if log else line.value
            self._line(name).setData(line.t_s, value)
            if len(value):
                ends[name] = (float(line.t_s[-1]), float(value[-1]))
        self._name_ends(ends)
        self.viewport().update()

    def mark(self, name: str, at_s: float, text: str) -> None:
        """Put a vertical mark, once, in the colour of the line of that name, muted where there is none."""
        if name in self._marks:
            return
        line = pg.InfiniteLine(
            at_s,
            angle=90,
            pen=self._mark_pen(name),
            label=text,
            labelOpts={"color": self._mark_colour(name), "fill": self._veil()},
        )
        line.setZValue(1)  # its name can be read where lines cross it
        line.label.textItem.document().setDocumentMargin(VEIL_MARGIN_PX)
        self._marks[name], self._spots[name] = line, None
        self.addItem(line)
        self._name_marks()

    def floor(self, value: float, text: str) -> None:
        """Put a level line that nothing can get below, named where there is room, as far right as may be."""
        position = float(np.log10(value)) if self._log else value
        if self._floor is None:
            self._floor = pg.InfiniteLine(
                angle=0,
                pen=self._floor_pen(),
                label=text,
                labelOpts={"color": self._look.tokens.muted, "fill": self._veil()},
            )
            self._floor.setZValue(1)  # its name can be read where lines cross it
            self._floor.label.textItem.document().setDocumentMargin(VEIL_MARGIN_PX)
            self.addItem(self._floor, ignoreBounds=True)
        elif position == self._floor.value():
            return
        self._floor.setPos(position)
        self._name_ends(self._ends)

    def _floor_pen(self) -> object:
        return pg.mkPen(self._look.tokens.muted, width=self.devicePixelRatioF(), style=Qt.PenStyle.DashDotLine)

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens = self._look.tokens
        self.dress({"left": self._label})
        for name, line in self._lines.items():
            line.setPen(self._pen(name))
            self._names[name].setColor(self._colour(name))
            self._names[name].fill = pg.mkBrush(self._veil())
        if self._floor is not None:
            self._floor.setPen(self._floor_pen())
            self._floor.label.setColor(tokens.muted)
            self._floor.label.fill = pg.mkBrush(self._veil())
        for name, mark in self._marks.items():
            mark.setPen(self._mark_pen(name))
            mark.label.setColor(self._mark_colour(name))
            mark.label.fill = pg.mkBrush(self._veil())
        self.viewport().update()

    def _line(self, name: str) -> pg.PlotCurveItem:
        if name not in self._lines:
            line = Line(pen=self._pen(name), antialias=True, skipFiniteCheck=True)
            label = pg.TextItem(name, color=self._colour(name), anchor=(0, 0.5), fill=self._veil())
            label.setZValue(1)
            # a veil as high as its letters: it covers no neighbour
            label.textItem.document().setDocumentMargin(VEIL_MARGIN_PX)
            self.addItem(line, ignoreBounds=True)
            self.addItem(label, ignoreBounds=True)
            self._lines[name], self._names[name] = line, label
        return self._lines[name]

    def _colour(self, name: str) -> QColor:
        """Return the colour of a line and of its name."""
        return self._look.colour(name)

    def _dashed(self, name: str) -> bool:
        return self._look.style(name).dashed

    def _veil(self) -> QColor:
        """Return what is painted under a name, so that it can be read where it lies on another line."""
        veil = QColor(self._look.tokens.card)
        veil.setAlpha(VEIL)
        return veil

    def _mark_colour(self, name: str) -> QColor:
        return self._colour(name) if name in self._lines else QColor(self._look.tokens.muted)

    def _mark_pen(self, name: str) -> object:
        return pg.mkPen(self._mark_colour(name), width=self.devicePixelRatioF(), style=Qt.PenStyle.DotLine)

    def _pen(self, name: str) -> object:
        # widths of plots are in pixels of the screen, so a dense screen needs more of them
        # 2 pixels are ten times dearer than 1 on long lines; ours are thinned to a few hundred points
        style = Qt.PenStyle.DashLine if self._dashed(name) else Qt.PenStyle.SolidLine
        return pg.mkPen(self._colour(name), width=2 * self.devicePixelRatioF(), style=style)

    def _set_ranges(self, end_s: float, y: tuple[float, float], log: bool) -> None:
        """Set both axes, if anything about them has changed: laying out ticks costs more than drawing lines."""
        width = float(self.getViewBox().width())
        wanted = (end_s, y, log, width)
        if wanted == self._laid_out:
            return
        if log != self._log:
            self._log = log
            self.getPlotItem().setLogMode(y=log)
        # the axis is longer than its data, so that the names fit behind the lines
        stretch = width / max(width - self._gutter_px, 50.0)
        self.getPlotItem().setYRange(*(np.log10(y) if log else y), padding=0)
        if self._shows_time:
            self._axis_of(end_s)
        self.getPlotItem().setXRange(0, end_s * max(stretch, 1.0), padding=0)
        self._y = tuple(np.log10(y)) if log else y
        self._spots = dict.fromkeys(self._marks)  # everything moves now: each mark may have the best spot
        self._floor_place = None
        self._laid_out = wanted

    def _lay_out_again(self) -> None:
        """Find room anew in a plot of another size, also when no more frames come."""
        if self._laid_out is not None:
            end_s, y, log, _ = self._laid_out
            self._set_ranges(end_s, y, log)
            self._name_ends(self._ends)

    def _axis_of(self, end_s: float) -> None:
        """Choose the unit of the time axis."""
        unit, size = next(((u, size) for u, size in LONG if end_s > UNITS * size), (SECONDS, 1.0))
        axis = self.getPlotItem().getAxis("bottom")
        assert isinstance(axis, PlainAxis)
        axis.show_in(unit, size)

    def _name_ends(self, ends: Mapping[str, tuple[float, float]]) -> None:
        """Write each name behind its line, apart from the others, and never out of sight."""
        self._ends = ends
        across, up = (size or 1.0 for size in self.getViewBox().viewPixelSize())
        low, high = (edge / up for edge in self._y)
        names = sorted(ends, key=lambda name: ends[name][1])
        boxes = [self._names[name].boundingRect() for name in names]
        letters_px = max((box.height() for box in boxes), default=0.0) - 2 * VEIL_MARGIN_PX  # their veils may meet
        points = [(ends[name][0] / across, ends[name][1] / up) for name in names]
        places = apart(points, [box.width() for box in boxes], letters_px + 1, low, high)
        placed = zip(points, boxes, places, strict=True)
        self._taken = [(x, x + box.width(), place - low) for (x, _), box, place in placed if place is not None]
        for name, place in zip(names, places, strict=True):
            if place is not None:
                self._names[name].setPos(ends[name][0], place * up)
        shown = {name for name, place in zip(names, places, strict=True) if place is not None}
        for name, label in self._names.items():
            label.setVisible(name in shown)
        self._name_floor()
        self._name_marks()

    def _name_floor(self) -> None:
        """Write the words of the floor along it, where there is room; they then take part in what marks avoid."""
        if self._floor is None:
            return
        (low, high), position, label = self._y, self._floor.value(), self._floor.label
        self._floor.setVisible(bool(low <= position <= high))  # else it has no room for its words either
        area, box = self.getViewBox().rect(), label.boundingRect()
        level = (position - low) / (self.getViewBox().viewPixelSize()[1] or 1.0)
        size = box.height(), area.width(), area.height()
        self._floor_place = along(level, box.width(), self._taken, *size, self._floor_place)
        label.setVisible(self._floor_place is not None)
        if self._floor_place is not None:
            end, below = self._floor_place
            _put(label, (1, 0 if below else 1), end / area.width())
            self._taken.append((end - box.width(), end, level + box.height() * (-0.5 if below else 0.5)))

    def _name_marks(self) -> None:
        """Write the words of each mark beside it, where there is room."""
        if not self._marks:
            return
        area, across = self.getViewBox().rect(), self.getViewBox().viewPixelSize()[0] or 1.0
        boxes = [line.label.boundingRect() for line in self._marks.values()]
        height = max(box.height() for box in boxes) - VEIL_MARGIN_PX
        marks = [
            (line.value() / across, (1 + MARK_GAP) * box.width(), self._spots[name])
            for (name, line), box in zip(self._marks.items(), boxes, strict=True)
        ]
        spots = beside(marks, self._taken, height, area.width(), area.height())
        for (name, line), spot in zip(self._marks.items(), spots, strict=True):
            self._spots[name] = spot
            if line.label.isVisible() != (spot is not None):
                line.label.setVisible(spot is not None)
            if spot is not None:
                row, left = spot
                anchor = (1 + MARK_GAP if left else -MARK_GAP, 0.5)
                _put(line.label, anchor, 1 - (row + 0.5) * height / area.height())


def _put(label: pg.InfLineLabel, anchor: tuple[float, float], position: float) -> None:
    """Put the words of a line so far along it (a share), unless they are there: that is dear, and asked every frame."""
    anchors = [anchor] * 2
    if (anchors, position) != (label.anchors, label.orthoPos):
        label.anchors = anchors
        label.setPosition(position)
