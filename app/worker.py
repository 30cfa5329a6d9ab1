"""The thread that races: a worker object in a QThread, and its owner in the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEventLoop, QObject, Qt, QThread, Signal
from shiboken6 import isValid

from engine.control import Control
from engine.errors import Cancelled

if TYPE_CHECKING:
    from engine.frame import DeviceStrip, Frame
    from engine.race import Race
    from engine.results import RaceResult
    from engine.spec import RaceSpec
    from persistence.recording.cut_runs import CutRun
    from persistence.recording.recorder import Recorder
    from persistence.recording.resuming import ResumingRecorder
    from persistence.settings import StorageSettings
    from plugins.assemble import PreparedRace
    from plugins.registry import Registry

STORING_WAIT_S = 10.0
CLOSING_WAIT_S = 1.5
PAINT_EVERY_MS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What to race, and with what. ``watched`` paces it so that a person can follow; with ``out`` the results are
    written to that folder instead of being recorded; with ``cut`` that run goes on. ``warm``: learners start from the
    newest recorded run, which is looked for first."""

    spec: RaceSpec
    registry: Registry
    settings: StorageSettings
    watched: bool
    out: Path | None = None
    cut: CutRun | None = None
    warm: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    """A race that is under way: what races, and who records it (None: nobody)."""

    prepared: PreparedRace
    recorder: Recorder | ResumingRecorder | None
    run: str


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """A race that is over. ``strips`` holds the devices of every scheduler, to look at afterwards."""

    prepared: PreparedRace
    result: RaceResult
    strips: Mapping[str, DeviceStrip]


class _KeptRace:
    """A prepared race that keeps hold of what it started, for the last look at it."""

    def __init__(self, prepared: PreparedRace) -> None:
        self._prepared = prepared
        self.started: Race | None = None

    def race(self) -> Race:
        """Start the race."""
        self.started = self._prepared.race()
        return self.started

    def strips(self) -> dict[str, DeviceStrip]:
        """Return what every scheduler's devices did."""
        from engine.frames import FrameMaker

        assert self.started is not None
        maker = FrameMaker(self.started)
        shown = {lane.label: maker.frame(lane.label).strip for lane in self._prepared.lanes}
        return {name: strip for name, strip in shown.items() if strip is not None}


class RaceWorker(QObject):
    """Prepares and runs one race. Lives in its thread; :meth:`run` never returns to the event loop before the end."""

    reading = Signal(float)
    started = Signal(object)
    ended = Signal(object)
    stored = Signal(object)
    failed = Signal(object)
    done = Signal()

    def __init__(self, order: Order, control: Control[Frame]) -> None:
        super().__init__()
        self._order = order
        self._control = control

    def run(self) -> None:
        """Prepare, race, and see the last row home; every error becomes a signal."""
        try:
            self._prepare_and_race()
        except BaseException as error:  # a plugin may raise anything, also SystemExit
            self.failed.emit(error)
        finally:
            self.done.emit()

    def _prepare_and_race(self) -> None:
        order = self._order
        if order.cut is not None:
            self._resume(order.cut)
            return
        from app.session import start_recording
        from persistence.run import new_run_id
        from plugins.assemble import prepare

        spec = order.spec
        if order.warm:
            from app.warm_start import newest_file

            spec = replace(spec, warm_start=newest_file(spec, order.settings))
        prepared = prepare(spec, order.registry, self._read)
        if order.out is not None:
            self._write_results(prepared, order.out)
            return
        run = new_run_id()
        recorder = start_recording(prepared, order.settings, order.registry.storages, run)
        self._race(prepared, recorder, run)

    def _resume(self, cut: CutRun) -> None:
        from app.resumption import prepare_again, resume_recording

        prepared = prepare_again(cut, self._order.registry, self._read)
        recorder = resume_recording(prepared, self._order.settings, self._order.registry.storages, cut)
        self._race(prepared, recorder, cut.run, lambda: recorder.replaying)

    def _read(self, share: float) -> None:
        if self._control.cancelled:
            raise Cancelled("The race was stopped before it began.")
        self.reading.emit(share)

    def _race(
        self,
        prepared: PreparedRace,
        recorder: Recorder | ResumingRecorder | None,
        run: str,
        replaying: Callable[[], bool] | None = None,
    ) -> None:
        """Race, and see the last row home."""
        from app.pace import Pace
        from app.session import never, run_race

        try:
            self.started.emit(Started(prepared, recorder, run))
            kept = _KeptRace(prepared)
            result = run_race(
                kept,
                recorder=recorder,
                control=self._control,
                frames=True,
                pace=Pace() if self._order.watched else None,
                replaying=replaying or never,
            )
            self.ended.emit(Ended(prepared, result, kept.strips()))
        finally:
            if recorder is not None:
                # the journal has everything; whoever closes the window need not wait for a slow database
                self.stored.emit(recorder.close(CLOSING_WAIT_S if self._control.cancelled else STORING_WAIT_S))

    def _write_results(self, prepared: PreparedRace, out: Path) -> None:
        """Race once more and write the files: the same spec gives the same bits."""
        from app.command.report import summary
        from app.output import ResultsFolder
        from app.session import Timing, run_race

        folder, timing = ResultsFolder(out, prepared), Timing()
        try:
            result = run_race(prepared, recorder=folder, control=self._control, frames=False, pace=None, timing=timing)
            folder.close(summary("", prepared, result, None, timing.race_s))
        finally:
            folder.discard_parts()
        self.stored.emit(None)


class RaceRunner(QObject):
    """Owns the thread and the control of the race that runs, if any. Its verbs may be called at any time."""

    reading = Signal(float)
    """Which share (0..1) of the workload's file has been read."""
    started = Signal(object)
    """The tasks and the storage are ready, the race begins."""
    ended = Signal(object)
    """The race is over; its last rows are still on their way."""
    stored = Signal(object)
    """They have arrived, or will at the next start; carries the recorder's last status."""
    failed = Signal(object)
    idle = Signal()
    """The thread has ended; another race may start."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.control: Control[Frame] = Control()
        self._thread: QThread | None = None
        self._worker: RaceWorker | None = None

    @property
    def running(self) -> bool:
        """Whether a race is being prepared or run."""
        return self._thread is not None

    def start(self, order: Order, speed: float, paused: bool, selected: str | None) -> None:
        """Start a race; ``paused`` lets it stand before its first event."""
        self.control = Control()
        self.control.set_speed(speed)
        self.control.selected = selected
        if paused:
            self.control.pause()
        thread, worker = QThread(self), RaceWorker(order, self.control)
        thread.setObjectName("race")
        worker.moveToThread(thread)
        thread.started.connect(worker.run)
        worker.reading.connect(self.reading)
        worker.started.connect(self.started)
        worker.ended.connect(self.ended)
        worker.stored.connect(self.stored)
        worker.failed.connect(self.failed)
        # direct: run() blocks the worker's thread, a queued quit would never be read by a dying window
        worker.done.connect(thread.quit, Qt.ConnectionType.DirectConnection)
        thread.finished.connect(self._ended)
        self._thread, self._worker = thread, worker
        thread.start()

    def shut_down(self, wait_ms: int) -> bool:
        """Cancel the race and wait for its thread; False when it does not end in time (it then lives on)."""
        self.control.cancel()
        if self._thread is None:
            return True
        thread = self._thread
        thread.quit()
        if not wait_painting(end_of(thread), QDeadlineTimer(wait_ms)):
            return False
        self._ended()
        return True

    def _ended(self) -> None:
        if self._thread is not None and self._thread.isFinished():
            self._thread.deleteLater()
            self._thread = self._worker = None
            self.idle.emit()


def wait_painting(ended: Callable[[int], bool], deadline: QDeadlineTimer) -> bool:
    """Wait in the window's thread, which goes on painting but takes no clicks; return whether it ended in time.

    ``ended`` waits so many milliseconds and says whether it has ended.
    """
    while True:
        over = ended(PAINT_EVERY_MS)
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        if over or deadline.hasExpired():
            return over


def end_of(thread: QThread) -> Callable[[int], bool]:
    """Return how :func:`wait_painting` waits for a thread, which is deleted as soon as its end is heard of."""
    return lambda wait_ms: not isValid(thread) or thread.wait(wait_ms)


class Errand(QThread):
    """One blocking call in a thread of its own (opening the storage, testing a connection); ``answered`` or ``failed``.

    It runs out as a child of its parent, whether or not anyone still listens, and then goes.
    """

    answered = Signal(object)
    failed = Signal(object)

    def __init__(self, call: Callable[[], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._call = call
        self.finished.connect(self.deleteLater)

    def run(self) -> None:
        """Make the call."""
        try:
            self.answered.emit(self._call())
        except Exception as error:
            self.failed.emit(error)
