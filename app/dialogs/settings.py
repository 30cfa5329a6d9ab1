"""Settings: where results are stored, with a connection that can be tested before it is kept, and for how long."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.encryption import EncryptionChoice
from app.dialogs.keeping_fields import KeepingFields
from app.dialogs.page import Page
from app.worker import Errand
from engine.errors import InputError, SchedRaceError
from persistence.database.url_fields import (
    DEFAULT_DATABASE,
    DEFAULT_PORT,
    UrlFields,
    edited_url,
    known_password,
    service_of,
    url_fields,
)
from persistence.settings import (
    URL_VARIABLE,
    StorageSettings,
    load_settings,
    save_settings,
    stored_settings,
)

if TYPE_CHECKING:
    from persistence.database.connection import ConnectionReport
    from persistence.storage import StoragePlugin

CHOICES = {
    "auto": ("Automatic", "The PostgreSQL below when it is filled in, else SchedRace's own server, else CSV files."),
    "postgresql": ("PostgreSQL", "The connection below; without a host, SchedRace's own server."),
    "csv": ("CSV files only", "One folder a run, no database."),
}
KEPT = "kept in the keyring of this system"


class SettingsDialog(QDialog):
    """``saved`` when there are new settings; ``problem`` with a sentence when they were kept only in part."""

    saved = Signal()
    problem = Signal(str)

    def __init__(self, parent: QWidget, storages: Mapping[str, type[StoragePlugin]]) -> None:
        super().__init__(parent)
        self._window = parent
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(560)
        self._settings = StorageSettings()
        self._shown_url: str | None = None
        self._make_fields(storages)
        self._lay_out()
        self.kind.currentIndexChanged.connect(self._kind_changed)
        self.test.clicked.connect(self._test)
        self.save.clicked.connect(self._save)
        self.cancel.clicked.connect(self.reject)
        self._load()

    def _make_fields(self, storages: Mapping[str, type[StoragePlugin]]) -> None:
        self.kind = QComboBox()
        for name, (title, _) in CHOICES.items():
            self.kind.addItem(title, name)
        for name in storages:
            if name not in CHOICES:
                self.kind.addItem(name, name)
        self._summaries = {name: storage.summary for name, storage in storages.items()}
        self.about, self.answer, self.from_environment = QLabel(), QLabel(), QLabel()
        for label in (self.about, self.answer, self.from_environment):
            label.setWordWrap(True)
            label.setObjectName("muted")
        self.host, self.database, self.user, self.password = (QLineEdit() for _ in range(4))
        self.host.setPlaceholderText("empty: SchedRace's own PostgreSQL")
        self.database.setPlaceholderText(DEFAULT_DATABASE)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.port = QSpinBox()
        self.port.setRange(1, 65535)
        self.port.setValue(DEFAULT_PORT)
        self.port.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.port.lineEdit().setTextMargins(5, 0, 0, 0)
        self.encryption = EncryptionChoice()
        self.keeping = KeepingFields()
        self.test, self.save, self.cancel = QPushButton("Test connection"), QPushButton("Save"), QPushButton("Cancel")
        self.save.setObjectName("primary")
        self.save.setDefault(True)

    def _lay_out(self) -> None:
        where = Page()
        note = QLabel("Whatever you choose, every result is first written to a CSV journal on this machine.")
        note.setObjectName("muted")
        note.setWordWrap(True)
        self.card = QFrame()
        self.card.setObjectName("card")
        fields = QFormLayout(self.card)
        fields.setContentsMargins(16, 14, 16, 14)
        fields.setSpacing(10)
        fields.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        fields.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        fields.addRow("Host", self.host)
        fields.addRow("Port", self.port)
        fields.addRow("Database", self.database)
        fields.addRow("User", self.user)
        fields.addRow("Password", self.password)
        fields.addRow("Encrypted", self.encryption)
        tester = QHBoxLayout()
        tester.setSpacing(12)
        tester.addWidget(self.test, 0, Qt.AlignmentFlag.AlignTop)
        tester.addWidget(self.answer, 1)
        fields.addRow(tester)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        for widget in (note, self.kind, self.about, self.card, self.from_environment):
            where.column.addWidget(widget)
        where.column.addStretch(1)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setDrawBase(False)
        self.pages.addTab(where, "Where results are stored")
        self.pages.addTab(self.keeping, "What is kept")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 12, 20, 16)
        layout.setSpacing(14)
        layout.addWidget(self.pages, 1)
        layout.addLayout(buttons)

    def _load(self) -> None:
        self._fixed = bool(os.environ.get(URL_VARIABLE))
        try:
            self._settings = stored_settings()
            self._shown_url = load_settings().url
        except InputError as error:
            self._say(str(error), good=False)
        self.kind.setCurrentIndex(max(0, self.kind.findData(self._settings.kind)))
        self._show_url(self._shown_url)
        self.keeping.show_settings(self._settings)
        self.from_environment.setText(
            f"The environment variable {URL_VARIABLE} sets the connection; unset it to use these fields."
        )
        self.from_environment.setVisible(self._fixed)
        for field in (self.host, self.port, self.database, self.user, self.password, self.encryption):
            field.setEnabled(not self._fixed)
        self._kind_changed()

    def _show_url(self, text: str | None) -> None:
        shown = url_fields(text)
        self.host.setText(shown.host)
        self.port.setValue(shown.port)
        self.database.setText(shown.database)
        self.user.setText(shown.user)
        self.encryption.show_mode(shown.sslmode)
        if (service := service_of(text)) is not None:
            for field in (self.host, self.database, self.user):
                field.setPlaceholderText(f"as the service '{service}' says")
        if text is not None and known_password(text):
            self.password.setPlaceholderText(KEPT)

    def url(self) -> str | None:
        """Return the URL that the fields mean, with what they do not show; None: SchedRace's own server."""
        if self._fixed:
            return self._shown_url
        host, database, user = (field.text().strip() for field in (self.host, self.database, self.user))
        fields = UrlFields(host, self.port.value(), database, user, self.encryption.mode)
        return edited_url(self._shown_url, fields, self.password.text())

    def _kind_changed(self) -> None:
        name = self.kind.currentData()
        self.about.setText(CHOICES[name][1] if name in CHOICES else self._summaries.get(name, ""))
        self.card.setVisible(name in ("auto", "postgresql"))
        self.adjustSize()

    def _test(self) -> None:
        url = self.url()
        if url is None:
            self._say("There is no host to connect to: SchedRace's own server will be used.", good=None)
            return
        from persistence.database.connection import test_connection

        self.test.setEnabled(False)
        self._say("Connecting …", good=None)
        # the window's child: a test that still runs when this dialog is closed runs out by itself
        errand = Errand(lambda: test_connection(url), self._window)
        errand.answered.connect(self._answered)
        errand.failed.connect(self._failed)
        errand.start()

    def _answered(self, report: ConnectionReport) -> None:
        self.test.setEnabled(True)
        self._say(report.sentence, good=report.ok)

    def _failed(self, error: Exception) -> None:
        self.test.setEnabled(True)
        text = str(error) if isinstance(error, SchedRaceError) else f"The test failed: {error}"
        self._say(text, good=False)

    def _say(self, text: str, good: bool | None) -> None:
        """Show a sentence: good news, bad news, or neither (None)."""
        self.answer.setObjectName("muted" if good is None else "good" if good else "bad")
        self.answer.style().unpolish(self.answer)
        self.answer.style().polish(self.answer)
        self.answer.setText(text)

    def _save(self) -> None:
        try:
            settings = self.keeping.changed(replace(self._settings, kind=self.kind.currentData()))
            if not self._fixed:
                url = self.url()
                settings = settings.with_url(url, "the settings") if url else replace(settings, url=None)
            save_settings(settings)
        except InputError as error:
            # kept without the password, or not at all: the sentence says which
            self.problem.emit(str(error))
        self.saved.emit()
        self.accept()
