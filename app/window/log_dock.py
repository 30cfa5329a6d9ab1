"""The log at the bottom: every message since the start; it opens by itself at the first warning."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QTreeWidget, QTreeWidgetItem, QWidget

from app.dialogs.details import show_details
from app.notify import Message

MOST_LINES = 2000
DETAILS_ROLE = int(Qt.ItemDataRole.UserRole)


class LogDock(QDockWidget):
    """A list of messages; a double click shows where one came from."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Log", parent)
        self.setObjectName("log_dock")
        self.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        self.list = QTreeWidget()
        self.list.setHeaderHidden(True)
        self.list.setMinimumHeight(60)
        self.list.setRootIsDecorated(False)
        self.list.setColumnCount(3)
        self.list.setColumnWidth(0, 90)
        self.list.setColumnWidth(1, 80)
        self.list.setUniformRowHeights(True)
        self.list.itemActivated.connect(self._show_details)
        self.setWidget(self.list)
        self.hide()

    def add(self, message: Message) -> None:
        """Append a message."""
        at = time.strftime("%H:%M:%S", time.localtime(message.at))
        item = QTreeWidgetItem([at, message.level, " ".join(message.text.split())])
        item.setToolTip(2, f"<p>{message.text}</p>")
        item.setData(0, DETAILS_ROLE, message.details)
        self.list.addTopLevelItem(item)
        if self.list.topLevelItemCount() > MOST_LINES:
            self.list.takeTopLevelItem(0)
        self.list.scrollToItem(item)
        if message.level != "info" and not self.isVisible():
            self.show()

    def _show_details(self, item: QTreeWidgetItem) -> None:
        details = item.data(0, DETAILS_ROLE)
        if details:
            show_details(self.window(), item.text(2), details)
