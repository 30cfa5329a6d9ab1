"""Runs races for the window: what the buttons do, and what the window shows while a race goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app import headline
from app.distances import distances, sentence
from app.notify import Notifier, message_of
from app.window.cluster_tab import ClusterTab
from app.window.learning_tab import LearningTab
from app.window.race_form import RaceForm
from app.window.race_tab import RaceTab
from app.window.sources import loaded_summary
from app.window.status import StatusLine
from app.window.toolbar import RaceToolBar
from app.worker import Ended, Order, RaceRunner, Started
from engine.errors import Cancelled, SchedRaceError

if TYPE_CHECKING:
    from engine.frame import DeviceStrip, Frame
    from engine.spec import RaceSpec
    from persistence.recording.cut_runs import CutRun
    from persistence.recording.recorder import RecorderStatus
    from persistence.settings import StorageSettings
    from plugins.registry import Registry

FRAME_MS = 25
LOOK_AGAIN_MS = 5
"""The race publishes every 30 ms by a clock of its own: whoever looks at the same beat misses every third frame."""
PAINTING_SHARE = 0.3
"""The race waits while we paint; on a slow machine frames become fewer rather than races longer."""
STATUS_EVERY_S = 0.5
PROGRESS_EVERY_S = 0.1
PREFERRED = ("hybrid_ml", "rl_agent", "mct")
"""Whose devices are shown at first: the policy that people come to see."""


class RaceDesk(QObject):
    """The race of the window. ``state_changed`` whenever buttons must look different.

    Nothing races before the plugin desk has set ``registry``; ``settings`` says where results are recorded.
    """

    registry: Registry
    state_changed = Signal()
    launched = Signal()
    over = Signal(bool)
    """A race has ended and its rows are stored; False when it failed."""

    def __init__(
        self,
        form: RaceForm,
        tabs: tuple[RaceTab, ClusterTab, LearningTab],
        toolbar: RaceToolBar,
        status: StatusLine,
        notifier: Notifier,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.form = form
        self.race_tab, self.cluster_tab, self.learning_tab = tabs
        self.toolbar, self.status, self.notifier = toolbar, status, notifier
        self.settings: Callable[[], StorageSettings] = _stored_settings
        self.speed = 1.0
        self.frame: Frame | None = None
        self.raced: RaceSpec | None = None
        self.ended: Ended | None = None
        """The race that is shown, once it is over."""
        self._strips: Mapping[str, DeviceStrip] = {}
        self._started: Started | None = None
        self._exporting: Path | None = None
        self._racing = False
        self._status_at = self._progress_at = 0.0
        self._final: headline.Headline | None = None
        self._failed = False
        self.runner = RaceRunner(self)
        self.runner.reading.connect(toolbar.show_reading)
        self.runner.started.connect(self._on_started)
        self.runner.ended.connect(self._on_ended)
        self.runner.stored.connect(self._on_stored)
        self.runner.failed.connect(self._on_failed)
        self.runner.idle.connect(self._on_idle)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)
        self.race_tab.selected.connect(self.select)
        toolbar.speed_chosen.connect(self.set_speed)

    @property
    def running(self) -> bool:
        """Whether anything is being prepared, raced or stored."""
        return self.runner.running

    @property
    def racing(self) -> bool:
        """Whether the clock of a race runs, or stands in a pause."""
        return self._racing

    @property
    def paused(self) -> bool:
        """Whether the race stands still."""
        return self._racing and self.runner.control.paused

    @property
    def recording(self) -> bool:
        """Whether a race runs that says itself where its rows go."""
        return self._started is not None and self._started.recorder is not None

    @property
    def start_title(self) -> str:
        """What the start button would do now."""
        if self.running and not self._racing:
            return "Wait …"
        if self._racing:
            return "Resume" if self.paused else "Pause"
        return "Start"

    def start(self, *, paused: bool = False, watched: bool = True) -> None:
        """Race what the form says."""
        if self.running:
            return
        try:
            order = Order(self.form.spec(), self.registry, self.settings(), watched, warm=self.form.warm.latest)
        except SchedRaceError as error:
            self.notifier.error(error, "Starting the race")
            return
        self._race(order, "Preparing the tasks and the storage …", paused)

    def resume(self, cut: CutRun, spec: RaceSpec) -> None:
        """Go on with a run that was cut: replay it at full speed, then race on at the chosen one."""
        if self.running:
            return
        try:
            order = Order(spec, self.registry, self.settings(), watched=True, cut=cut)
        except SchedRaceError as error:
            self.notifier.error(error, "Resuming the race")
            return
        self._race(order, "Replaying what is recorded, at full speed, to go on from there …", paused=False)

    def export(self, folder: Path) -> None:
        """Write the results of the last race: it is raced once more, which gives the same bits."""
        if self.raced is None or self.running:
            return
        self._exporting = folder
        order = Order(self.raced, self.registry, self.settings(), watched=False, out=folder)
        self._launch(order, "Racing once more, at full speed, to write the results …", paused=False)

    def _race(self, order: Order, text: str, paused: bool) -> None:
        self.raced, self.frame, self._final, self.ended = order.spec, None, None, None
        self._launch(order, text, paused)
        self.status.begin("")

    def _launch(self, order: Order, text: str, paused: bool) -> None:
        self._failed = False
        self.launched.emit()
        self.form.lock(True)
        self.toolbar.busy("Preparing …" if order.out is None else "Writing …")
        self.race_tab.say(headline.Headline(text))
        names = [lane.shown for lane in order.spec.schedulers]
        self.runner.start(order, self.speed, paused, self._choose_lane(names))
        self.state_changed.emit()

    def toggle(self) -> None:
        """Start, pause or resume."""
        if not self.running:
            self.start()
        elif self.paused:
            self.runner.control.resume()
        elif self._racing:
            self.runner.control.pause()
        self.state_changed.emit()

    def step(self) -> None:
        """Pause, and let one more thing happen; without a race, start one that stands still."""
        if not self.running:
            self.start(paused=True)
        elif self._racing:
            if self.paused:
                self.runner.control.step()
            else:
                self.runner.control.pause()
        self.state_changed.emit()

    def stop(self) -> None:
        """End the race here."""
        self.runner.control.cancel()
        self.toolbar.progress_text.setText("Stopping …")  # a policy that does not answer has seconds left

    def finish_now(self) -> None:
        """Run the rest at full speed; the chosen speed stays for the next race."""
        self.runner.control.set_speed(math.inf)
        self.runner.control.resume()
        self.state_changed.emit()

    def set_speed(self, factor: float) -> None:
        """Change the speed of this race and of the next ones."""
        self.speed = factor
        self.runner.control.set_speed(factor)

    def select(self, scheduler: str) -> None:
        """Show the devices of another policy."""
        self.runner.control.selected = scheduler
        self.race_tab.select(scheduler)
        if self.frame is not None and self._final is not None and scheduler in self._strips:
            self.frame = replace(self.frame, strip=self._strips[scheduler])
            self._show_end()

    def clear(self) -> None:
        """Forget the last race: what the window shows is about another one."""
        self.frame = self.raced = self._final = self.ended = None
        self.race_tab.clear()
        self.cluster_tab.clear()
        self.learning_tab.clear()
        self.toolbar.reset()
        self.status.begin("")
        self.state_changed.emit()

    def show_current(self) -> None:
        """Draw the last frame on the tab that has just become visible; of a race that is over, with its verdict."""
        if self.frame is not None and self._final is not None:
            self._show_end()
        elif self.frame is not None:
            self._show(self.frame)

    def _choose_lane(self, names: list[str]) -> str:
        before = self.race_tab.lane.currentText()
        return next((name for name in (before, *PREFERRED) if name in names), names[0])

    def _on_started(self, started: Started) -> None:
        self._started, self._racing, self.frame, self._strips, self._final = started, True, None, {}, None
        self._status_at = 0.0
        lanes = [lane.label for lane in started.prepared.lanes]
        self.race_tab.begin(started.prepared.cluster, lanes, self.runner.control.selected or lanes[0])
        self.cluster_tab.begin(started.prepared.cluster)
        self.learning_tab.begin(started.prepared.workload, started.prepared.cluster)
        self.status.begin(started.run)
        self.form.say_workload(loaded_summary(started.prepared.workload))
        for note in started.prepared.notes:
            self.notifier.note(note)
        if (stored := started.prepared.warm_start) is not None:
            # raced once more, it starts from the same file, whatever is the newest run then
            self.raced = started.prepared.spec
            self.notifier.note(f"Learners start from what {stored.scheduler} had seen in run {stored.run}.")
        self._timer.start()
        self.state_changed.emit()

    def _tick(self) -> None:
        """Draw the latest frame; the race waits while we paint (see engine.control)."""
        control, began = self.runner.control, time.monotonic()
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
        self.status.show_rate(frame.completions)

    def _show_progress(self, frame: Frame) -> None:
        """Show how far the last of those has come that are still in the race, as the headline of a stopped one does."""
        lanes = [lane for lane in frame.lanes if lane.status != "disqualified"] or frame.lanes
        self.toolbar.show_progress(frame.clock_s, min(lane.finished for lane in lanes), frame.tasks)

    def _show_status(self) -> None:
        if self._started is not None and self._started.recorder is not None:
            self.status.show_recording(self._started.recorder.status())

    def _on_ended(self, ended: Ended) -> None:
        self._timer.stop()
        self._racing = False
        self.ended, self._strips = ended, ended.strips
        self.frame = self.runner.control.latest
        self._final = headline.finished(ended.result)
        self.learning_tab.conclude([sentence(of) for of in distances(ended.prepared.lanes, ended.result)])
        self._show_end()
        self.toolbar.progress_text.setText("Storing the last rows …")
        self.status.end()
        for row in ended.result.rows:
            if row.status == "disqualified":
                text = f"{row.name} was disqualified: {row.reason}"
                self.notifier.tell("warning", text, row.traceback or "")
        self.state_changed.emit()

    def _show_end(self) -> None:
        assert self.frame is not None, "a race publishes its last frame before it ends"
        self._show_progress(self.frame)
        self.race_tab.show_frame(self.frame, self._final)
        self.cluster_tab.show_frame(self.frame, everything=True)
        self.learning_tab.show_frame(self.frame, everything=True)

    def _on_stored(self, status: RecorderStatus | None) -> None:
        if self._exporting is not None:
            self.notifier.tell("info", f"results.csv, summary.json and race.toml are in {self._exporting}.")
        elif status is not None:
            self.status.show_recording(status)
            if status.cleaned_up:
                self.notifier.note(status.cleaned_up)
            if status.problem:
                self.notifier.tell("warning", status.problem)

    def _on_failed(self, error: BaseException) -> None:
        self._failed = True
        self._final = None
        if self.frame is None:  # what is shown is of the race before
            self.clear()
        if isinstance(error, Cancelled):
            self.race_tab.say(headline.Headline(str(error)))
            return
        self.notifier.error(error, "The race")
        self.race_tab.say(headline.Headline("The race could not be run.", message_of(error, "The race").text))

    def _on_idle(self) -> None:
        self._timer.stop()
        self._racing = False
        try:
            if self._final is not None:
                self._show_end()
            else:
                self.toolbar.reset()
        finally:  # whoever waits for the end must not wait for ever because a chart could not be drawn
            self._started = self._exporting = None
            self.form.lock(False)
            self.state_changed.emit()
            self.over.emit(not self._failed)


def _stored_settings() -> StorageSettings:
    from persistence.settings import load_settings

    return load_settings()


def not_recorded() -> StorageSettings:
    """Return the settings of a window that records nothing."""
    from persistence.settings import StorageSettings

    return StorageSettings("none")
