"""Where the results go: opened early and off the window's thread, shown in the status bar, changed in the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QDeadlineTimer, QObject, Signal
from PySide6.QtWidgets import QWidget

from app.notify import Notifier
from app.window.race_desk import RaceDesk
from app.window.status import StatusLine
from app.worker import Errand, end_of, wait_painting
from engine.errors import SchedRaceError

if TYPE_CHECKING:
    from persistence.recording.cut_runs import CutRun
    from persistence.recording.shipping import BackgroundReplay
    from persistence.settings import StorageSettings
    from persistence.storage import Storage, StoragePlugin

LONGEST_WAIT_MS = 30_000
LAST_CHUNK_MS = 1000


@dataclass(frozen=True, slots=True)
class Opened:
    """A storage, the replay into it (None where nothing is stored), and the runs that were cut."""

    storage: Storage
    replay: BackgroundReplay | None
    cut: Sequence[CutRun] = ()


class StorageDesk(QObject):
    """Opens the storage that the settings ask for, so that the first race need not wait for it.

    What earlier runs left behind in their journals is then brought there, also when no race is started.
    """

    found_cut = Signal(object)
    """The runs that were cut, newest first."""

    def __init__(self, window: QWidget, desk: RaceDesk, status: StatusLine, notifier: Notifier) -> None:
        super().__init__(window)
        self._window, self._desk, self._status, self._notifier = window, desk, status, notifier
        self._newest: Errand | None = None
        self._replays: list[BackgroundReplay] = []

    def open(self) -> None:
        """Read the settings and open what they ask for; what is still being opened runs out unheard."""
        self._end_replays()
        settings, storages = self._desk.settings, self._desk.registry.storages
        self._newest = Errand(lambda: self._open(settings(), storages), self)
        self._newest.answered.connect(self._opened)
        self._newest.failed.connect(self._failed)
        self._newest.start()

    def close(self) -> None:
        """Wait until nothing is being opened or tested (attempts end by themselves within seconds); end the replay."""
        deadline = QDeadlineTimer(LONGEST_WAIT_MS)
        for errand in self._window.findChildren(Errand):
            wait_painting(end_of(errand), deadline)
        replays = list(self._replays)
        self._end_replays()
        last_chunk = QDeadlineTimer(LAST_CHUNK_MS)
        for replay in replays:
            wait_painting(lambda ms, replay=replay: replay.ended(ms / 1000), last_chunk)  # type: ignore[misc]

    def edit(self) -> None:
        """Show the settings; what was changed is opened at once."""
        from app.dialogs.settings import SettingsDialog

        dialog = SettingsDialog(self._window, self._desk.registry.storages)
        dialog.saved.connect(self.open)
        dialog.problem.connect(self._warn)
        dialog.open()

    def _open(self, settings: StorageSettings, storages: Mapping[str, type[StoragePlugin]]) -> Opened:
        """Open the storage and start the replay; called in the errand's thread, which imports the libraries, too."""
        from persistence.recording.cut_runs import cut_runs
        from persistence.recording.shipping import BackgroundReplay
        from persistence.storage import open_storage

        storage = open_storage(settings, storages)
        if storage.plugin is None:
            return Opened(storage, None)
        cut = cut_runs(settings.runs_dir)  # first: the replay takes the locks of their journals for a while
        replay = BackgroundReplay(storage, self._notifier.note)
        self._replays.append(replay)
        return Opened(storage, replay, cut)

    def _opened(self, opened: Opened) -> None:
        if self.sender() is not self._newest:
            if opened.replay is not None:
                opened.replay.stop(0.0)
            return
        if not self._desk.recording:
            self._status.show_storage(opened.storage)
        if opened.storage.problem:
            self._notifier.note(opened.storage.problem)
        self.found_cut.emit(opened.cut)

    def _failed(self, error: Exception) -> None:
        if self.sender() is not self._newest:
            return
        doing = "Opening the storage"
        self._status.storage.set_whole(f"Storage: {error}" if isinstance(error, SchedRaceError) else "Storage: failed")
        self._notifier.error(error, doing)

    def _end_replays(self) -> None:
        for replay in self._replays:
            replay.stop(0.0)
        self._replays.clear()

    def _warn(self, sentence: str) -> None:
        self._notifier.tell("warning", sentence)
