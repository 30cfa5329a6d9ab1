"""The notice bar above the tabs: one sentence at a time, with its details one click away."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton

from app.dialogs.details import show_details
from app.icons import icon, pixmap
from app.notify import Message
from app.theme import Theme

INFO_STAYS_MS = 8000


class NoticeBar(QFrame):
    """Hidden until there is a message; good news leaves by itself, the rest when it is closed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._message: Message | None = None
        self.setObjectName("notice")
        self._sign, self.text = QLabel(), QLabel()
        self.text.setWordWrap(True)
        self.details = QPushButton("Details")
        self.details.setObjectName("link")
        self._close = QToolButton()
        self._close.setObjectName("quiet")
        self._close.setToolTip("Close this notice; the log keeps it")
        self._leave = QTimer(self)
        self._leave.setSingleShot(True)
        self._leave.timeout.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addWidget(self._sign)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.details)
        layout.addWidget(self._close)
        self.details.clicked.connect(self._show_details)
        self._close.clicked.connect(self.hide)
        self.hide()

    def show_message(self, message: Message) -> None:
        """Show a message in place of the last one."""
        self._message = message
        self.setProperty("level", message.level)
        self.text.setText(message.text)
        self.details.setVisible(bool(message.details))
        self.restyle()
        self.show()
        if message.level == "info":
            self._leave.start(INFO_STAYS_MS)
        else:
            self._leave.stop()

    def restyle(self) -> None:
        """Wear the theme in use."""
        tokens = self._theme.tokens
        level = self._message.level if self._message else "info"
        colour = {"info": tokens.accent, "warning": tokens.warning, "error": tokens.bad}[level]
        self._sign.setPixmap(pixmap("info" if level == "info" else "warning", colour, 20))
        self._close.setIcon(icon("close", tokens.muted))
        self.style().unpolish(self)
        self.style().polish(self)

    def _show_details(self) -> None:
        if self._message is not None:
            show_details(self.window(), self._message.text, self._message.details)
