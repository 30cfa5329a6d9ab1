"""What the window remembers between two starts: one typed record in front of QSettings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

LAYOUT_VERSION = 1
"""Raise it when docks or toolbars change: a layout of another version is then not restored."""


@dataclass(slots=True)
class Preferences:
    """Layout and last choices. Texts and numbers only, so that the file can be read and repaired by hand."""

    theme: str = "system"
    workload: str = "synthetic"
    cluster: str = "default"
    tasks: int = 2000
    load: float = 0.8
    seed: int = 0
    policies: str = "round_robin mct hybrid_ml oracle"
    speed: float = 1.0
    sort_by: str = "mean_response_s"
    tab: int = 0
    verify_data: str = ""
    geometry: QByteArray | None = None
    layout: QByteArray | None = None


class PreferenceFile:
    """Loads and saves :class:`Preferences` as an INI file in the given folder."""

    def __init__(self, folder: Path) -> None:
        self._settings = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)

    def load(self) -> Preferences:
        """Return what was saved; a value that cannot be read counts as never saved."""
        result = Preferences()
        for f in fields(Preferences):
            if self._settings.contains(f.name):
                value = self._read(f.name, getattr(result, f.name))
                if value is not None:
                    setattr(result, f.name, value)
        return result

    def _read(self, name: str, default: object) -> object:
        """Return one value, None when it is junk (Qt itself would read junk as 0)."""
        if default is None:
            value = self._settings.value(name)
            return value if isinstance(value, QByteArray) else None
        try:
            return type(default)(str(self._settings.value(name)))  # type: ignore[call-arg]  # text or a number
        except (ValueError, OverflowError):
            return None

    def save(self, preferences: Preferences) -> None:
        """Write everything at once."""
        for f in fields(Preferences):
            value = getattr(preferences, f.name)
            if value is None:
                self._settings.remove(f.name)
            else:
                self._settings.setValue(f.name, value)
        self._settings.sync()
