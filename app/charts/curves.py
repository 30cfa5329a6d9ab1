"""Response times over simulated time: the race itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.charts.look import RIGHT_MARGIN, Look, horizon_s
from app.charts.time_plot import Series, TimePlot
from app.texts import plural

if TYPE_CHECKING:
    from engine.drift import SpeedChange
    from engine.frame import Frame
    from engine.workload import FloatArray

SMOOTHED = 0.03
"""Each point is the mean over this share of the time axis before it: heavy-tailed tasks make single points noise."""
LOG_FROM = 20.0
"""The value axis becomes logarithmic when the curves spread over more than this factor."""
MOST_POINTS = 250
QUIET_START = 0.05
MOST_CHANGES = 6
"""Changes of speed that are marked: more would hide the lines."""
SHORTEST_S = 1e-9
"""A response of 0 has no place on a log axis."""


def smoothed(t_s: FloatArray, value: FloatArray, span_s: float) -> Series:
    """Return the moving mean over the last ``span_s`` seconds, thinned to what a screen can show."""
    known = np.isfinite(value)
    t, v = t_s[known], np.maximum(value[known], SHORTEST_S)
    total = np.concatenate([[0.0], np.cumsum(v)])
    first = np.searchsorted(t, t - span_s, side="left")
    last = np.arange(1, len(t) + 1)
    mean = (total[last] - total[first]) / (last - first)
    thin = slice(None, None, -(-len(t) // MOST_POINTS) or 1)
    return Series(t[thin], mean[thin])


def said(change: SpeedChange) -> str:
    """Return a change of speed in a few words: ``gpu-0, gpu-1: 0.5 x speed``."""
    named = ", ".join(change.devices) if len(change.devices) <= 2 else plural(len(change.devices), "device")
    return f"{named}: {change.factor:g}\u00a0x speed"


class ResponseCurves(TimePlot):
    """One line a policy; dotted marks say when devices change their speed, and a learner's first model is active."""

    def __init__(self, look: Look) -> None:
        super().__init__(look, "response", "\u00a0s", RIGHT_MARGIN)
        self._spread = False
        self._top = 0.0
        self._bottom = np.inf

    def begin(self) -> None:
        """Forget the last race."""
        self.clear_lines()
        self._spread, self._top, self._bottom = False, 0.0, np.inf

    def show_frame(self, frame: Frame) -> None:
        """Draw a frame."""
        end_s = horizon_s(frame)
        lanes = [x for x in frame.lanes if len(x.curve_t_s)]
        series = {x.scheduler: smoothed(x.curve_t_s, x.curve_response_s, SMOOTHED * end_s) for x in lanes}
        self.draw(series, end_s, self._range(series), self._spread)
        for lane in lanes:
            if lane.models and np.isfinite(lane.model_since_s):
                self.mark(lane.scheduler, lane.model_since_s, f"{lane.scheduler}: model active")
        for change in frame.speed_changes[:MOST_CHANGES] if lanes else ():
            if change.at_s <= frame.clock_s:
                self.mark(f"{change.at_s} {change.factor}", change.at_s, said(change))
        if frame.bound_response_s > 0:  # False for nan, as long as it is not known
            self.floor(frame.bound_response_s, "lower bound of the mean")

    def _range(self, series: dict[str, Series]) -> tuple[float, float]:
        """Return the value axis, which moves seldom and in steps: the lines must not jump, and ticks are costly."""
        values = [s.value for s in series.values() if len(s.value)]
        if not values:
            return 0.0, 1.0
        everything = np.concatenate(values)
        high = float(everything.max())
        # the first tasks meet empty queues: a few points far below all others must not squeeze the rest
        quiet = int(QUIET_START * (len(everything) - 1))
        low = max(float(np.partition(everything, quiet)[quiet]), 1e-9)
        self._spread = self._spread or high > LOG_FROM * low
        if not low / 4 <= self._bottom <= low:
            self._bottom = 10 ** (np.floor(4 * np.log10(low) - 0.3) / 4)
        self._top = max(self._top, 10 ** (np.ceil(8 * np.log10(high) + 0.3) / 8))
        return (self._bottom if self._spread else 0.0), self._top
