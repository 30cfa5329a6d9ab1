"""How busy the devices of one kind are over simulated time, under every policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.charts.curves import smoothed
from app.charts.look import Look, horizon_s
from app.charts.time_plot import Series, TimePlot

if TYPE_CHECKING:
    from engine.frame import Frame

SMOOTHED = 0.04
GUTTER_PX = 96
RANGE = (-2.0, 105.0)
"""Lines at 0 and at 100 % are seen in their full width."""


class UtilisationChart(TimePlot):
    """Busy share of the slots of a kind, 0 to 100 %."""

    def __init__(self, look: Look, kind: str) -> None:
        super().__init__(look, "slots busy", "\u00a0%", GUTTER_PX)
        self._kind = kind

    def begin(self) -> None:
        """Forget the last race."""
        self.clear_lines()

    def show_frame(self, frame: Frame) -> None:
        """Draw a frame."""
        end_s = horizon_s(frame)
        series = {}
        for lane in frame.lanes:
            share = getattr(lane, f"util_{self._kind}")
            if np.isfinite(share).any():
                mean = smoothed(lane.util_t_s, share, SMOOTHED * end_s)
                series[lane.scheduler] = Series(mean.t_s, 100 * mean.value)
        self.draw(series, end_s, RANGE, False)
