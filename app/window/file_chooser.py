"""The one place that asks for files and folders, so that tests can answer for the user."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget


class FileChooser:
    """Asks with the system's own dialogs; None when the user changed their mind."""

    def open_file(self, parent: QWidget, title: str, pattern: str) -> Path | None:
        """Ask for a file that exists."""
        name, _ = QFileDialog.getOpenFileName(parent, title, "", pattern)
        return Path(name) if name else None

    def save_file(self, parent: QWidget, title: str, name: str, pattern: str) -> Path | None:
        """Ask where to write."""
        chosen, _ = QFileDialog.getSaveFileName(parent, title, name, pattern)
        return Path(chosen) if chosen else None

    def folder(self, parent: QWidget, title: str) -> Path | None:
        """Ask for a folder."""
        name = QFileDialog.getExistingDirectory(parent, title)
        return Path(name) if name else None

    def text(self, parent: QWidget, title: str, label: str, proposal: str) -> str | None:
        """Ask for a word."""
        text, accepted = QInputDialog.getText(parent, title, label, text=proposal)
        return text.strip() if accepted and text.strip() else None
