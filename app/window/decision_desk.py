"""What the policies did with one task: races each of them once more in a thread, and shows what comes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QDeadlineTimer, QObject, QThread, Signal
from PySide6.QtWidgets import QWidget

from app.worker import end_of, wait_painting
from engine.control import Control
from engine.errors import Cancelled, InputError

if TYPE_CHECKING:
    from app.charts.look import Look
    from app.dialogs.decision import DecisionDialog
    from app.notify import Notifier
    from app.reliving import Account
    from app.window.learning_tab import LearningTab
    from app.window.race_desk import RaceDesk
    from app.worker import Ended

TELL_EVERY_S = 0.1
WAIT = (
    "The race is still on. What each policy did with a task is found by racing it once more, which would slow this "
    "race down: ask again when it has ended."
)
NO_RACE = "There is no race whose decisions could be looked at: start one, and ask when it has ended."


class _Reliving(QThread):
    """Races each policy once more; ``came`` with itself and each account, ``told`` how far it is, ``failed`` with what
    was not foreseen. It stands still while the window paints what came, and ends when ``control`` is cancelled."""

    came = Signal(object, object)
    told = Signal(object, str, float)
    failed = Signal(object)

    def __init__(self, ended: Ended, task: int, parent: QObject) -> None:
        super().__init__(parent)
        self._ended, self._task = ended, task
        self._told_at = 0.0
        self.control: Control[None] = Control()

    def run(self) -> None:
        """Run until the last policy, or until it is cancelled."""
        from app.reliving import relive

        prepared, result = self._ended.prepared, self._ended.result
        try:
            for account in relive(prepared, result, self._task, self._progress, lambda: self.control.cancelled):
                self.came.emit(self, account)
        except Cancelled:
            pass
        except Exception as error:
            self.failed.emit(error)

    def _progress(self, policy: str, share: float) -> None:
        self.control.checkpoint()
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            self.told.emit(self, policy, share)


class DecisionDesk(QObject):
    """Opens one dialog, for one task at a time; ``idle`` when the last thread has ended."""

    idle = Signal()

    def __init__(self, window: QWidget, look: Look, desk: RaceDesk, tab: LearningTab, notifier: Notifier) -> None:
        super().__init__(window)
        self._window, self._look, self._desk, self._tab, self._notifier = window, look, desk, tab, notifier
        self.dialog: DecisionDialog | None = None
        self._of: Ended | None = None
        self._current: _Reliving | None = None
        self._threads: list[_Reliving] = []
        tab.task_entered.connect(self.find)
        tab.task_clicked.connect(self.show_task)
        desk.state_changed.connect(self._look_at_race)

    @property
    def running(self) -> bool:
        """Whether any thread has not ended yet."""
        return bool(self._threads)

    def find(self, text: str) -> None:
        """Show the task with this number or name."""
        from app.reliving import find_task

        ended = self._race()
        if ended is None:
            return
        try:
            task = find_task(text, ended.prepared.workload)
        except InputError as error:
            self._notifier.error(error, "Finding the task")
            return
        self.show_task(task)

    def show_task(self, task: int) -> None:
        """Show what every policy did with the task in this row of the workload."""
        ended = self._race()
        if ended is None:
            return
        self.cancel()
        self._of = ended
        self._tab.mark(task)
        dialog = self._opened()
        dialog.begin(ended, task)
        thread = self._current = _Reliving(ended, task, self)
        self._threads.append(thread)
        thread.came.connect(self._came)
        thread.told.connect(self._told)
        thread.failed.connect(self._failed)
        thread.finished.connect(self._sweep)
        dialog.show()
        dialog.raise_()
        dialog.paint_now()
        thread.start()

    def cancel(self) -> None:
        """Race no further; what has come stays."""
        for thread in self._threads:
            thread.control.cancel()

    def shut_down(self, wait_ms: int) -> bool:
        """Close the dialog; return whether every thread has ended in time."""
        if self.dialog is not None:
            self.dialog.close()
        self.cancel()
        deadline = QDeadlineTimer(wait_ms)
        return all(wait_painting(end_of(thread), deadline) for thread in list(self._threads))

    def restyle(self) -> None:
        """Wear the theme in use."""
        if self.dialog is not None:
            self.dialog.restyle()

    def _race(self) -> Ended | None:
        """Return the race that is over; while there is none, say so."""
        if self._desk.ended is None:
            self._notifier.tell("info", WAIT if self._desk.running else NO_RACE)
        return self._desk.ended

    def _opened(self) -> DecisionDialog:
        from app.dialogs.decision import DecisionDialog

        if self.dialog is None:
            self.dialog = DecisionDialog(self._window, self._look)
            self.dialog.cancelled.connect(self.cancel)
            self.dialog.left.connect(self.cancel)
        return self.dialog

    def _look_at_race(self) -> None:
        """Where another race has begun, or the last one is forgotten, what is shown is of no race any more."""
        if self._of is not None and self._desk.ended is not self._of:
            self._of = None
            if self.dialog is not None:
                self.dialog.close()
                self.dialog.deleteLater()  # and with it what it knows of that race
                self.dialog = None

    def _came(self, thread: _Reliving, account: Account) -> None:
        if thread is self._current and self.dialog is not None:
            with thread.control.gui_first():
                self.dialog.add(account)
                self.dialog.paint_now()

    def _told(self, thread: _Reliving, policy: str, share: float) -> None:
        if thread is self._current and self.dialog is not None:
            self.dialog.tell(policy, share)

    def _failed(self, error: Exception) -> None:
        self._notifier.error(error, "Racing once more")

    def _sweep(self) -> None:
        """Let go of the threads that have ended."""
        for thread in [thread for thread in self._threads if thread.isFinished()]:
            self._threads.remove(thread)
            if thread is self._current and self.dialog is not None:
                self.dialog.end(thread.control.cancelled)
            thread.deleteLater()
        if not self._threads:
            self._current = None
            self.idle.emit()
