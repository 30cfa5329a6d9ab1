"""What all charts share: colours by policy and by kind, margins that line up, and the end of the time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.palette import LaneStyle, Palette
from app.theme import Theme, Tokens

if TYPE_CHECKING:
    from engine.frame import Frame

LEFT_MARGIN = 84
"""Pixels left of the time axis: value axis or device names. The same everywhere, so that instants line up."""
RIGHT_MARGIN = 132
"""Pixels right of it: names at the ends of the lines, or what a device does now."""

KIND_COLOURS = {"cpu": ("#8093AD", "#8FA3C0"), "gpu": ("#1F6F78", "#45B3BF"), "both": ("#B9A04A", "#D9C36B")}
"""Where a task ran, on a light and on a dark ground; none of them is a policy's colour."""


@dataclass(frozen=True, slots=True)
class Look:
    """The theme in use and the colours of the policies."""

    theme: Theme
    palette: Palette

    @property
    def tokens(self) -> Tokens:
        """The colours of the theme in use."""
        return self.theme.tokens

    def style(self, name: str) -> LaneStyle:
        """Return the style of a policy."""
        return self.palette.style(name)

    def colour(self, name: str) -> QColor:
        """Return the colour of a policy on the ground in use."""
        return QColor(self.palette.style(name).colour(self.tokens.dark))

    def kind_colour(self, kind: str) -> QColor:
        """Return the colour of 'cpu', 'gpu' or 'both'."""
        return QColor(KIND_COLOURS[kind][self.tokens.dark])


def horizon_s(frame: Frame) -> float:
    """Return where the time axis ends: room for the arrivals and a tail, then growing in steps (axes cost most)."""
    end = max(frame.end_of_arrivals_s * 1.08, 1e-9)
    if frame.done:
        return max(frame.clock_s, 1e-9)
    while end < frame.clock_s:
        end *= 1.2
    return end


def paint_dot(painter: QPainter, box: QRectF, colour: QColor, style: LaneStyle) -> None:
    """Paint the dot by which a policy is known; a ring for the references that are drawn dashed."""
    painter.setPen(QPen(colour, 2.2))
    painter.setBrush(QColor("transparent") if style.dashed else colour)
    painter.drawEllipse(box)
