"""A phase map: bands of one figure over the speed of the link and the ratio of GPU to CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QToolTip

from app.charts.look import Look
from app.charts.still_plot import StillPlot
from app.texts import number, percent

if TYPE_CHECKING:
    from app.phase_map import PhaseMap
    from app.theme import Tokens
    from engine.workload import FloatArray

AXIS_PX = 62


@dataclass(frozen=True, slots=True)
class Bands:
    """How a figure is drawn: ``edges`` between the bands, what each band is called, and how strong which colour is."""

    edges: tuple[float, ...]
    names: tuple[str, ...]
    strengths: tuple[float, ...]
    """From -1 (good) over 0 (the ground) to 1 (bad)."""


TIME = Bands(
    (0.02, 0.1, 0.2, 0.3, 0.4),
    ("nothing", "2–10\u00a0%", "10–20\u00a0%", "20–30\u00a0%", "30–40\u00a0%", "more"),
    (0.0, -0.18, -0.36, -0.54, -0.75, -1.0),
)
ENERGY = Bands(
    (-0.2, -0.05, 0.05, 0.2, 0.5),
    (
        "over 20\u00a0% less",
        "5–20\u00a0% less",
        "about equal",
        "5–20\u00a0% more",
        "20–50\u00a0% more",
        "over 50\u00a0% more",
    ),
    (-0.9, -0.4, 0.0, 0.3, 0.6, 1.0),
)


class PhaseChart(StillPlot):
    """One of the two maps; two lines cross where the race is, one where its tasks move no data."""

    def __init__(self, look: Look, bands: Bands, meaning: Callable[[float], str]) -> None:
        super().__init__(look, AXIS_PX, "\u00a0x", "")
        self._bands, self._meaning = bands, meaning
        self._map: PhaseMap | None = None
        self._values: FloatArray = np.zeros((0, 0))
        self._image = pg.ImageItem(axisOrder="row-major")
        self._here = [pg.InfiniteLine(angle=angle) for angle in (0, 90)]
        self._set_up()
        self.restyle()

    def _set_up(self) -> None:
        plot = self.getPlotItem()
        plot.setLogMode(x=True, y=True)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(maxTickLevel=0)
        for item in (self._image, *self._here):
            self.addItem(item, ignoreBounds=True)

    def show_map(self, of: PhaseMap, values: FloatArray) -> None:
        """Draw one figure (rows by ratio, columns by link) of a map."""
        self._map, self._values = of, values
        (left, right), (low, high) = _ends(of.links_gb_s), _ends(of.ratios)
        self._image.setImage(np.searchsorted(self._bands.edges, values, side="right"), autoLevels=False)
        self._image.setLevels((-0.5, len(self._bands.names) - 0.5))
        self._image.setRect(QRectF(left, low, right - left, high - low))
        self.getPlotItem().setXRange(left, right, padding=0)
        self.getPlotItem().setYRange(low, high, padding=0)
        at_ratio, at_link = self._here
        at_ratio.setPos(np.log10(of.ratio))
        at_link.setVisible(not of.assumed)  # else the race is at the right edge, where data cost nothing
        if of.link_gb_s is not None:
            at_link.setPos(np.log10(of.link_gb_s))
        self.restyle()

    def legend(self) -> str:
        """Return, as rich text, what the colours mean."""
        colours = [_mixed(self._look.tokens, strength).name() for strength in self._bands.strengths]
        bands = zip(colours, self._bands.names, strict=True)
        return "&nbsp; ".join(
            f"<span style='color:{colour}'>■</span>&nbsp;{name.replace(' ', '&nbsp;')}" for colour, name in bands
        )

    def text_at(self, link_gb_s: float, ratio: float) -> str:
        """Return what holds at a place of the map, '' outside of it."""
        if self._map is None:
            return ""
        across, up = _place(self._map.links_gb_s, link_gb_s), _place(self._map.ratios, ratio)
        if across is None or up is None:
            return ""
        where = f"{number(link_gb_s, 2)} GB/s, GPU {number(ratio, 2)}\u00a0x as fast"
        return f"{where}: {self._meaning(float(self._values[up, across]))}"

    def viewportEvent(self, event: QEvent) -> bool:
        """Say what holds under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self.getViewBox().mapSceneToView(QPointF(self.mapToScene(event.pos())))
            QToolTip.showText(event.globalPos(), self.text_at(10 ** place.x(), 10 ** place.y()), self)
            return True
        handled: bool = super().viewportEvent(event)
        return handled

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens = self._look.tokens
        self.dress({"left": "GPU / CPU speed", "bottom": "link, in GB/s"})
        colours = [_mixed(tokens, strength).getRgb() for strength in self._bands.strengths]
        self._image.setLookupTable(np.array(colours, dtype=np.ubyte))
        for line in self._here:
            line.setPen(pg.mkPen(tokens.text, width=self.devicePixelRatioF(), style=Qt.PenStyle.DashLine))
        self.viewport().update()


def saving(share: float) -> str:
    """Return what a map of the time says at one place."""
    return f"splitting saves {percent(share)} of the time" if share >= TIME.edges[0] else "splitting does not pay"


def energy_change(share: float) -> str:
    """Return what a map of the energy says at one place."""
    if abs(share) < 0.005:
        return "as much energy"
    return f"{percent(abs(share))} {'more' if share > 0 else 'less'} energy"


def _mixed(tokens: Tokens, strength: float) -> QColor:
    """Return a colour between that of nothing and that of good (-1) or bad (1)."""
    ground, full = QColor(tokens.grid), QColor(tokens.accent if strength < 0 else tokens.warning)
    share = abs(strength)
    pairs = zip(ground.getRgb()[:3], full.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round((1 - share) * a + share * b) for a, b in pairs))


def _ends(values: FloatArray) -> tuple[float, float]:
    """Return the ends of a logarithmic axis whose cells lie around these values."""
    logs = np.log10(values)
    half = (logs[1] - logs[0]) / 2
    return float(logs[0] - half), float(logs[-1] + half)


def _place(values: FloatArray, value: float) -> int | None:
    low, high = _ends(values)
    share = (np.log10(value) - low) / (high - low) if value > 0 else -1.0
    return int(share * len(values)) if 0.0 <= share < 1.0 else None
