"""Plugins as the window handles them: loading, rescanning, the list, the folder, a new policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app.notify import Notifier
from app.window.file_chooser import FileChooser
from app.window.race_desk import RaceDesk
from engine.errors import SchedRaceError

if TYPE_CHECKING:
    from app.dialogs.plugins import PluginsDialog


class PluginDesk(QObject):
    """Holds no plugin itself: the registry is the desk's."""

    def __init__(self, window: QWidget, desk: RaceDesk, notifier: Notifier, chooser: FileChooser) -> None:
        super().__init__(window)
        self._window, self._desk, self._notifier, self._chooser = window, desk, notifier, chooser

    def load(self) -> None:
        """Find and load every plugin, and offer what there is."""
        from plugins.clusters import preset_names
        from plugins.registry import load_registry

        registry = load_registry()
        self._desk.registry = registry
        self._desk.form.furnish(registry, preset_names())
        self._desk.status.show_plugins(registry)
        for record in registry.plugins:
            if record.state == "failed":
                self._notifier.note(f"Plugin '{record.name}' failed to load: {record.error}")

    def open_list(self) -> None:
        """Show every plugin with its state."""
        from app.dialogs.plugins import PluginsDialog

        dialog = PluginsDialog(self._window, self._desk.registry.plugins)
        dialog.wants_folder.connect(self.open_folder)
        dialog.wants_rescan.connect(self._rescan_for)
        dialog.open()

    def open_folder(self) -> None:
        """Open the plugins folder in the desktop's file manager, making it first."""
        from plugins.discovery import plugins_folder

        folder = plugins_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._notifier.tell("error", f"The plugins folder {folder} cannot be made: {error.strerror}.")
            return
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._notifier.tell("info", f"No file manager answers here. The plugins folder is {folder}.")

    def new_policy(self) -> None:
        """Write a working policy, list it, tick it, and show where it is."""
        from plugins.discovery import plugins_folder
        from plugins.template import new_plugin

        if self._desk.running:
            return
        folder = plugins_folder()
        name = self._chooser.text(
            self._window, "A policy of your own", "Its name (small letters, digits and _):", _free_name(folder)
        )
        if name is None:
            return
        try:
            path = new_plugin(folder, name, "scheduler")
        except SchedRaceError as error:
            self._notifier.error(error, "Writing the policy")
            return
        self.load()
        policies = self._desk.form.policies
        if name in policies.names():
            policies.tick(name)
        self.open_folder()
        self._notifier.tell("info", f"{name} is ticked and races with the next start. Change it in {path}.")

    def _rescan_for(self, dialog: PluginsDialog) -> None:
        if self._desk.running:
            self._notifier.tell("info", "A race is running; plugins are looked for again when it has ended.")
            return
        self.load()
        dialog.show_records(self._desk.registry.plugins)


def _free_name(folder: Path) -> str:
    names = ("my_policy", *(f"my_policy_{number}" for number in range(2, 1000)))
    return next(name for name in names if not (folder / f"{name}.py").exists())
