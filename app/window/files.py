"""What the File menu and dropped files do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.notify import Notifier
from app.window.file_chooser import FileChooser
from app.window.race_desk import RaceDesk
from engine.errors import SchedRaceError

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData

RACE_FILES = "Race files (*.toml)"
TASKS = "Tasks (*.csv *.swf *.json *.stg *.trace *.txt);;All files (*)"


class Files:
    """Opens and writes files for the window; every failure becomes a notice."""

    def __init__(self, window: QWidget, desk: RaceDesk, notifier: Notifier) -> None:
        self._window, self._desk, self._notifier = window, desk, notifier
        self.chooser = FileChooser()

    def open_race(self) -> None:
        """Ask for a race file and open it."""
        path = self.chooser.open_file(self._window, "Open race", RACE_FILES)
        if path is not None:
            self.read_race(path)

    def read_race(self, path: Path) -> None:
        """Open a race file."""
        from app.race_file import read_race

        try:
            spec = read_race(path)
        except SchedRaceError as error:
            self._notifier.error(error, "Opening the race file")
            return
        self._desk.clear()
        self._desk.form.show_spec(spec)

    def save_race(self) -> None:
        """Write the choices as a race file."""
        from app.race_file import race_toml

        path = self.chooser.save_file(self._window, "Save race as", "race.toml", RACE_FILES)
        if path is None:
            return
        try:
            path.write_text(race_toml(self._desk.form.spec()), encoding="utf-8")
        except SchedRaceError as error:
            self._notifier.error(error, "Writing the race file")
        except OSError as error:
            self._notifier.tell("error", f"'{path}' could not be written: {error.strerror}. Choose another place.")
        else:
            self._notifier.tell("info", f"Written: {path}. 'schedrace race {path.name}' races it without a window.")

    def open_workload(self) -> None:
        """Ask for a file of tasks and choose it."""
        path = self.chooser.open_file(self._window, "Open workload", TASKS)
        if path is not None:
            self.choose_workload(path)

    def choose_workload(self, path: Path) -> None:
        """Choose a file of tasks, and the cluster that they belong on where the file says it."""
        from plugins.choosing import cluster_for

        try:
            cluster = cluster_for(str(path), self._desk.registry)
        except SchedRaceError as error:
            self._notifier.error(error, "Choosing the workload")
            return
        self._desk.form.choose_workload(str(path))
        if cluster is not None:
            self._desk.form.bring_cluster(cluster)

    def open_cluster(self) -> None:
        """Ask for a cluster file and choose it."""
        path = self.chooser.open_file(self._window, "Open cluster", "Clusters (*.toml)")
        if path is not None:
            self._desk.form.choose_cluster(str(path))

    def export(self) -> None:
        """Ask for a folder and write the results of the last race there."""
        folder = self.chooser.folder(self._window, "Export results to a folder")
        if folder is not None:
            self._desk.export(folder)

    def dropped(self, data: QMimeData) -> list[Path]:
        """Return the files in a drop."""
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        return [path for path in paths if path.is_file()]

    def take(self, paths: list[Path]) -> None:
        """Use dropped files: a TOML as the cluster or the race that it describes, any other as the workload."""
        from app.race_file import describes_cluster

        if self._desk.running:
            self._notifier.tell("info", "A race is running. Stop it, then drop the file again.")
            return
        for path in paths:
            if path.suffix.lower() != ".toml":
                self.choose_workload(path)
            elif describes_cluster(path):
                self._desk.form.choose_cluster(str(path))
            else:
                self.read_race(path)
