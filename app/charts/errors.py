"""How wrong a learner was over time, and how wrong the nominal times would have been."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QColor

from app.charts.look import Look
from app.charts.time_plot import Series, TimePlot
from app.learning_findings import drift_mark, shown_models
from app.texts import joined

if TYPE_CHECKING:
    from engine.frame import LaneFrame
    from engine.learning import LearningFrame

AXIS_PX = 72
GUTTER_PX = 104
MOST_MARKS = 8
NOMINAL = ": nominal"
NAME_LETTERS = 10
LEAST_LOG_PERCENT = 0.1
"""Where an error is less, or 0, the axis is linear: a log axis has no place for it."""
LEAST_TOP_PERCENT = 1.0
LINE_AT_0 = -0.05
"""Where a linear axis begins, as a share of its top: a line at 0 and its tick are seen whole."""


class ErrorChart(TimePlot):
    """Two lines a device model, by completions; marks say when trust was won or lost, and when a drift was noticed."""

    def __init__(self, look: Look) -> None:
        self._lane: LaneFrame | None = None
        self._top, self._bottom = 0.0, np.inf
        super().__init__(look, "off by", "\u00a0%", GUTTER_PX, x_unit="")
        self.getAxis("left").setWidth(AXIS_PX)
        self.getAxis("bottom").setToolTip("Tasks that the policy has finished")

    def begin(self) -> None:
        """Forget the last race."""
        self.clear_lines()
        self._lane, self._top, self._bottom = None, 0.0, np.inf

    def show_lane(self, lane: LaneFrame, tasks: int) -> None:
        """Draw a lane that learns."""
        before = self._lane
        if before is not None and before.scheduler == lane.scheduler and before.learning is lane.learning:
            return
        if before is not None and before.scheduler != lane.scheduler:
            self.begin()
        self._lane = lane
        if lane.learning is not None:
            series = _series(lane.learning)
            log = all((line.value >= LEAST_LOG_PERCENT).all() for line in series.values())
            self.draw(series, float(tasks), self._range(series, log), log)
            self._mark_all(lane.learning)

    def restyle(self) -> None:
        """Wear the theme in use."""
        super().restyle()
        self.getPlotItem().getAxis("bottom").setLabel("tasks finished", color=self._look.tokens.muted)

    def _mark_all(self, learning: LearningFrame) -> None:
        together: dict[tuple[int, bool], list[str]] = {}
        for switch in learning.switches:
            together.setdefault((switch.completion, switch.trusted), []).append(learning.models[switch.model].model)
        for (completion, trusted), names in together.items():
            who = "learned" if trusted else "nominal"
            self._mark(f"{completion} {trusted}", completion, f"{completion:,}: {who} for {joined(names)}")
        for drift in learning.drifts:
            self._mark(f"{drift.completion} {drift.model}", drift.completion, drift_mark(learning, drift))

    def _mark(self, name: str, completion: int, text: str) -> None:
        """Put a mark; the first ones, so that they can be read: the sentences beside name the last."""
        if len(self._marks) < MOST_MARKS:
            self.mark(name, completion, text)

    def _colour(self, name: str) -> QColor:
        return (
            QColor(self._look.tokens.muted)
            if name.endswith(NOMINAL)
            else self._look.colour(self._lane.scheduler if self._lane is not None else "")
        )

    def _dashed(self, name: str) -> bool:
        return name.endswith(NOMINAL)

    def _range(self, series: dict[str, Series], log: bool) -> tuple[float, float]:
        """Return the value axis, which grows in steps."""
        if not series:
            return 1.0, 100.0
        every = np.concatenate([line.value for line in series.values()])
        most = max(float(every.max()), LEAST_TOP_PERCENT)
        self._top = max(self._top, 10 ** (np.ceil(8 * np.log10(most) + 0.3) / 8))
        if not log:
            return LINE_AT_0 * self._top, self._top
        self._bottom = min(self._bottom, 10 ** (np.floor(8 * np.log10(every.min()) - 0.3) / 8))
        return self._bottom, self._top


def _series(learning: LearningFrame) -> dict[str, Series]:
    series = {}
    for model in shown_models(learning):
        short = model.model if len(model.model) <= NAME_LETTERS else f"{model.model[: NAME_LETTERS - 1]}…"
        for name, error in ((learning.estimator, model.error), ("nominal", model.nominal_error)):
            known = np.isfinite(error)
            if known.any():
                percent = 100 * np.expm1(error[known])
                series[f"{short}: {name}"] = Series(learning.completion[known].astype(float), percent)
    return series
