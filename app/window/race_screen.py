"""What the window shows of a race: while it goes on its latest frame, and when it is over what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer

from app import headline
from app.distances import distances, sentence, untaught
from app.window.cluster_tab import ClusterTab
from app.window.learning_tab import LearningTab
from app.window.race_tab import RaceTab
from app.window.status import StatusLine
from app.window.toolbar import RaceToolBar
from app.worker import Ended, RaceRunner, Started

if TYPE_CHECKING:
    from engine.frame import DeviceStrip, Frame

FRAME_MS = 25
LOOK_AGAIN_MS = 5
"""The race publishes every 30 ms by a clock of its own: whoever looks at the same beat misses every third frame."""
PAINTING_SHARE = 0.4
"""The race waits while we paint; on a slow machine frames become fewer rather than races longer."""
STATUS_EVERY_S = 0.5
PROGRESS_EVERY_S = 0.1


class RaceScreen(QObject):
    """Pulls the frames of the runner's race into the tab that is seen. ``frame`` is the one that is shown."""

    def __init__(
        self,
        tabs: tuple[RaceTab, ClusterTab, LearningTab],
        toolbar: RaceToolBar,
        status: StatusLine,
        runner: RaceRunner,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.race_tab, self.cluster_tab, self.learning_tab = tabs
        self._toolbar, self._status, self._runner = toolbar, status, runner
        self.frame: Frame | None = None
        self._final: headline.Headline | None = None
        self._strips: Mapping[str, DeviceStrip] = {}
        self._started: Started | None = None
        self._status_at = self._progress_at = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def over(self) -> bool:
        """Whether what is shown is of a race that is over."""
        return self._final is not None

    def forget(self) -> None:
        """Have no frame: another race is being prepared."""
        self.frame, self._final, self._strips = None, None, {}

    def clear(self) -> None:
        """Show what was there before the first race."""
        self.forget()
        self.race_tab.clear()
        self.cluster_tab.clear()
        self.learning_tab.clear()
        self._toolbar.reset()
        self._status.begin("")

    def begin(self, started: Started) -> None:
        """Follow a race that has just started."""
        self.forget()
        self._started, self._status_at = started, 0.0
        prepared = started.prepared
        lanes = [lane.label for lane in prepared.lanes]
        self.race_tab.begin(prepared.cluster, lanes, self._runner.control.selected or lanes[0])
        self.cluster_tab.begin(prepared.cluster)
        self.learning_tab.begin(prepared.workload, prepared.cluster)
        self._status.begin(started.run)
        self._timer.start()

    def rest(self) -> None:
        """Pull no more frames."""
        self._timer.stop()
        self._started = None

    def end(self, ended: Ended) -> None:
        """Show what came of the race."""
        self.rest()
        self._strips = ended.strips
        self.frame = self._runner.control.latest
        self._final = headline.finished(ended.result)
        found = distances(ended.prepared.lanes, ended.result)
        self.learning_tab.conclude([sentence(of, untaught(ended.result)) for of in found])
        self.show_end()

    def fail(self) -> None:
        """Have no verdict: the race could not be finished."""
        self._final = None

    def select(self, scheduler: str) -> None:
        """Show the devices of another policy; while the race goes on, its frames will."""
        self.race_tab.select(scheduler)
        if self.frame is not None and self.over and scheduler in self._strips:
            self.frame = replace(self.frame, strip=self._strips[scheduler])
            self.show_end()

    def show_current(self) -> None:
        """Draw the last frame on the tab that has just become visible; of a race that is over, with its verdict."""
        if self.frame is not None and self.over:
            self.show_end()
        elif self.frame is not None:
            self._show(self.frame)

    def show_end(self) -> None:
        """Draw everything of a race that is over."""
        assert self.frame is not None, "a race publishes its last frame before it ends"
        self._show_progress(self.frame)
        self.race_tab.show_frame(self.frame, self._final)
        self.cluster_tab.show_frame(self.frame, everything=True)
        self.learning_tab.show_frame(self.frame, everything=True)

    def _tick(self) -> None:
        """Draw the latest frame; the race waits while we paint (see engine.control)."""
        control, began = self._runner.control, time.monotonic()
        if began - self._status_at >= STATUS_EVERY_S:
            self._status_at = began
            self._show_status()
        frame = control.latest
        if frame is None or frame is self.frame:
            self._timer.setInterval(LOOK_AGAIN_MS)
            return
        with control.gui_first():
            rested = time.monotonic()
            self.frame = frame
            self._show(frame)
        now = time.monotonic()
        pause_s = max(FRAME_MS / 1000 - (now - began), (now - rested) * (1 / PAINTING_SHARE - 1), 0.0)
        self._timer.setInterval(round(1000 * pause_s))

    def _show(self, frame: Frame) -> None:
        now = time.monotonic()
        if now - self._progress_at >= PROGRESS_EVERY_S:
            self._progress_at = now
            self._show_progress(frame)
        if self.race_tab.isVisible():
            self.race_tab.show_frame(frame)
            self.race_tab.paint_now()
        elif self.cluster_tab.isVisible():
            self.cluster_tab.show_frame(frame)
            self.cluster_tab.paint_now()
        elif self.learning_tab.isVisible():
            self.learning_tab.show_frame(frame)
            self.learning_tab.paint_now()
        self._status.show_rate(frame.completions)

    def _show_progress(self, frame: Frame) -> None:
        """Show how far the last of those has come that are still in the race, as the headline of a stopped one does."""
        lanes = [lane for lane in frame.lanes if lane.status != "disqualified"] or frame.lanes
        self._toolbar.show_progress(frame.clock_s, min(lane.finished for lane in lanes), frame.tasks)

    def _show_status(self) -> None:
        if self._started is not None and self._started.recorder is not None:
            self._status.show_recording(self._started.recorder.status())
