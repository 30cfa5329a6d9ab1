"""Runs races for the window: what the buttons do, and what follows from how a race goes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app import headline
from app.notify import Notifier, message_of
from app.window.cluster_tab import ClusterTab
from app.window.learning_tab import LearningTab
from app.window.race_form import RaceForm
from app.window.race_screen import RaceScreen
from app.window.race_tab import RaceTab
from app.window.sources import loaded_summary
from app.window.status import StatusLine
from app.window.toolbar import RaceToolBar
from app.worker import Ended, Order, RaceRunner, Started
from engine.errors import Cancelled, SchedRaceError

if TYPE_CHECKING:
    from engine.frame import Frame
    from engine.spec import RaceSpec
    from persistence.recording.cut_runs import CutRun
    from persistence.recording.recorder import RecorderStatus
    from persistence.settings import StorageSettings
    from plugins.registry import Registry

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
        self.form, self.race_tab = form, tabs[0]
        self.toolbar, self.status, self.notifier = toolbar, status, notifier
        self.settings: Callable[[], StorageSettings] = _stored_settings
        self.speed = 1.0
        self.raced: RaceSpec | None = None
        self.ended: Ended | None = None
        """The race that is shown, once it is over."""
        self._started: Started | None = None
        self._exporting: Path | None = None
        self._racing = False
        self._failed = False
        self.runner = RaceRunner(self)
        self.screen = RaceScreen(tabs, toolbar, status, self.runner, self)
        self.runner.reading.connect(toolbar.show_reading)
        self.runner.started.connect(self._on_started)
        self.runner.ended.connect(self._on_ended)
        self.runner.stored.connect(self._on_stored)
        self.runner.failed.connect(self._on_failed)
        self.runner.idle.connect(self._on_idle)
        self.race_tab.selected.connect(self.select)
        toolbar.speed_chosen.connect(self.set_speed)

    @property
    def frame(self) -> Frame | None:
        """The frame that is shown."""
        return self.screen.frame

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
        self.raced, self.ended = order.spec, None
        self.screen.forget()
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
        self.screen.select(scheduler)

    def clear(self) -> None:
        """Forget the last race: what the window shows is about another one."""
        self.raced = self.ended = None
        self.screen.clear()
        self.state_changed.emit()

    def _choose_lane(self, names: list[str]) -> str:
        before = self.race_tab.lane.currentText()
        return next((name for name in (before, *PREFERRED) if name in names), names[0])

    def _on_started(self, started: Started) -> None:
        self._started, self._racing = started, True
        self.screen.begin(started)
        self.form.say_workload(loaded_summary(started.prepared.workload))
        for note in started.prepared.notes:
            self.notifier.note(note)
        if (stored := started.prepared.warm_start) is not None:
            # raced once more, it starts from the same file, whatever is the newest run then
            self.raced = started.prepared.spec
            self.notifier.note(f"Learners start from what {stored.scheduler} had seen in run {stored.run}.")
        self.state_changed.emit()

    def _on_ended(self, ended: Ended) -> None:
        self._racing = False
        self.ended = ended
        self.screen.end(ended)
        self.toolbar.progress_text.setText("Storing the last rows …")
        self.status.end()
        for row in ended.result.rows:
            if row.status == "disqualified":
                text = f"{row.name} was disqualified: {row.reason}"
                self.notifier.tell("warning", text, row.traceback or "")
        self.state_changed.emit()

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
        self.screen.fail()
        if self.frame is None:  # what is shown is of the race before
            self.clear()
        if isinstance(error, Cancelled):
            self.race_tab.say(headline.Headline(str(error)))
            return
        self.notifier.error(error, "The race")
        self.race_tab.say(headline.Headline("The race could not be run.", message_of(error, "The race").text))

    def _on_idle(self) -> None:
        self.screen.rest()
        self._racing = False
        try:
            if self.screen.over:
                self.screen.show_end()
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
