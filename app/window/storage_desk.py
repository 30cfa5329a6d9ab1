"""Where the results go: opened early and off the window's thread, shown in the status bar, changed in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.notify import Notifier
from app.window.race_desk import RaceDesk
from app.window.status import StatusLine
from app.worker import Errand
from engine.errors import SchedRaceError

if TYPE_CHECKING:
    from persistence.settings import StorageSettings
    from persistence.shipping import BackgroundReplay
    from persistence.storage import Storage

LONGEST_WAIT_MS = 30_000
LAST_CHUNK_S = 1.0


class StorageDesk(QObject):
    """Opens the storage that the settings ask for, so that the first race need not wait for it.

    What earlier runs left behind in their journals is then brought there, also when no race is started.
    """

    def __init__(self, window: QWidget, desk: RaceDesk, status: StatusLine, notifier: Notifier) -> None:
        super().__init__(window)
        self._window, self._desk, self._status, self._notifier = window, desk, status, notifier
        self._errand: Errand | None = None
        self._replay: BackgroundReplay | None = None

    def open(self) -> None:
        """Read the settings and open what they ask for."""
        from persistence.settings import load_settings

        self._desk.settings = load_settings
        self.close()
        registry = self._desk.registry
        self._errand = Errand(lambda: self._open(load_settings(), registry.storages), self)
        self._errand.answered.connect(self._opened)
        self._errand.failed.connect(self._failed)
        self._errand.start()

    def close(self) -> None:
        """Wait until nothing is being opened (attempts end by themselves within seconds) and end the replay."""
        if self._errand is not None:
            self._errand.wait(LONGEST_WAIT_MS)
        if self._replay is not None:
            self._replay.stop(LAST_CHUNK_S)
            self._replay = None

    def edit(self) -> None:
        """Show the settings; what was changed is opened at once."""
        from app.dialogs.settings import SettingsDialog

        dialog = SettingsDialog(self._window, self._desk.registry.storages)
        dialog.saved.connect(self.open)
        dialog.problem.connect(self._warn)
        dialog.open()

    def _open(self, settings: StorageSettings, storages: object) -> Storage:
        """Open the storage and start the replay; called in the errand's thread, which imports the libraries, too."""
        from persistence.shipping import BackgroundReplay
        from persistence.storage import open_storage

        storage = open_storage(settings, storages)  # type: ignore[arg-type]
        if storage.plugin is not None:
            self._replay = BackgroundReplay(storage)
        return storage

    def _opened(self, storage: Storage) -> None:
        if not self._desk.running:
            self._status.show_storage(storage)
        if storage.problem:
            self._notifier.note(storage.problem)

    def _failed(self, error: Exception) -> None:
        doing = "Opening the storage"
        self._status.storage.set_whole(f"Storage: {error}" if isinstance(error, SchedRaceError) else "Storage: failed")
        self._notifier.error(error, doing)

    def _warn(self, sentence: str) -> None:
        self._notifier.tell("warning", sentence)
