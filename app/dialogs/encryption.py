"""How the connection to a database is encrypted, as a choice in the settings."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox

MODES = {
    "": "Yes; on another machine only with its certificate",
    "require": "Yes, whoever answers",
    "disable": "No: everybody on the way is trusted",
}
"""What the URL says of ``sslmode`` (nothing: :mod:`persistence.database.libpq` decides), and what that means."""


class EncryptionChoice(QComboBox):
    """Offers :data:`MODES`, and the mode of a URL that names another one."""

    def __init__(self) -> None:
        super().__init__()
        for mode, meaning in MODES.items():
            self.addItem(meaning, mode)

    def show_mode(self, mode: str) -> None:
        """Choose a mode."""
        if self.findData(mode) < 0:
            self.addItem(f"As the URL says: sslmode={mode}", mode)
        self.setCurrentIndex(self.findData(mode))

    @property
    def mode(self) -> str:
        """The chosen one; empty for none."""
        return str(self.currentData())
