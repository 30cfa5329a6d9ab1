"""The list of plugins: what is loaded, what failed, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.theme import Theme

if TYPE_CHECKING:
    from plugins.record import PluginRecord

COLUMNS = ("Plugin", "State", "Version", "Source", "Provides")


class PluginsDialog(QDialog):
    """``wants_folder`` and ``wants_rescan`` (with this dialog, to be filled again)."""

    wants_folder = Signal()
    wants_rescan = Signal(object)

    def __init__(self, parent: QWidget, records: Sequence[PluginRecord]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Plugins")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(900, 560)
        self._records: tuple[PluginRecord, ...] = ()
        self.list = QTreeWidget()
        self.list.setHeaderLabels(COLUMNS)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.currentItemChanged.connect(self._show_record)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.list)
        split.addWidget(self.text)
        split.setSizes([300, 180])
        about = QLabel(
            "A policy of your own is one Python file in the plugins folder. One that fails is listed here and takes "
            "nothing with it."
        )
        about.setObjectName("muted")
        about.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(10)
        layout.addWidget(about)
        layout.addWidget(split, 1)
        layout.addLayout(self._buttons())
        self.show_records(records)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        folder, rescan, copy, close = (QPushButton(t) for t in ("Open folder", "Rescan", "Copy", "Close"))
        folder.clicked.connect(self.wants_folder)
        rescan.clicked.connect(self._rescan)
        copy.setToolTip("<p>Copies what is shown above about the chosen plugin.</p>")
        copy.clicked.connect(self._copy)
        close.clicked.connect(self.accept)
        close.setDefault(True)
        for button in (folder, rescan, copy):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        return row

    def show_records(self, records: Sequence[PluginRecord]) -> None:
        """List plugins, those in trouble first."""
        self._records = tuple(sorted(records, key=lambda r: r.state != "failed"))
        self.list.clear()
        for record in self._records:
            provides = ", ".join(thing.name for thing in record.provides)
            item = QTreeWidgetItem([record.name, record.state, record.version, record.source, provides])
            item.setToolTip(4, f"<p>{provides}</p>")
            if record.state != "active":
                for column in range(len(COLUMNS)):
                    item.setForeground(column, QColor(self._colour(record.state)))
            self.list.addTopLevelItem(item)
        for column in range(len(COLUMNS) - 1):
            self.list.resizeColumnToContents(column)
        first = self.list.topLevelItem(0)
        if first is not None:
            self.list.setCurrentItem(first)

    def _colour(self, state: str) -> str:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        tokens = Theme.of(app).tokens
        return tokens.bad if state == "failed" else tokens.muted

    def _show_record(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.text.setPlainText(_report(self._records[self.list.indexOfTopLevelItem(item)]))

    def _rescan(self) -> None:
        self.wants_rescan.emit(self)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())


def _report(record: PluginRecord) -> str:
    """Return everything about one plugin as text."""
    version = f" {record.version}" if record.version else ""
    lines = [f"{record.name}{version} ({record.source}, {record.state})", record.where]
    lines += [record.description] if record.description else []
    lines += [f"  {thing.kind} {thing.name}: {thing.summary}" for thing in record.provides]
    lines += ["", record.error] if record.error else []
    lines += ["", record.traceback] if record.traceback else []
    return "\n".join(lines)
