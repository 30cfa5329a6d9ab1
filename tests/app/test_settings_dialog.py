"""Settings: what the dialog saves, and that it never loses what it does not show."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt

from app.dialogs.settings import SettingsDialog
from persistence.settings import URL_VARIABLE, stored_settings

REMOTE = "postgresql+psycopg2://ann@127.0.0.1:1/races?sslmode=verify-full"
SOCKET = "postgresql+psycopg2:///races?host=%2Frun%2Fno-such-folder"


@pytest.fixture
def stored_url() -> str:
    return REMOTE


@pytest.fixture
def dialog(hands, own_folders, stored_url, monkeypatch):
    """The settings over a file that holds ``stored_url``; nothing is opened after Save."""
    path = own_folders / "config" / "storage.toml"
    path.write_text(f'kind = "none"\nurl = "{stored_url}"\n')
    monkeypatch.setattr(hands.window.storage_desk, "open", lambda: None)
    hands.press("settings")
    return hands.window.findChild(SettingsDialog)


def test_saving_keeps_the_options_of_the_url(dialog, hands):
    assert dialog.host.text() == "127.0.0.1"
    dialog.database.setText("more")
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert stored_settings().url == REMOTE.replace("/races", "/more")


@pytest.mark.parametrize("stored_url", [SOCKET])
def test_saving_keeps_a_socket(dialog, hands):
    dialog.kind.setCurrentIndex(dialog.kind.findData("csv"))
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert (stored_settings().kind, stored_settings().url) == ("csv", SOCKET)


def test_the_url_of_the_environment_is_shown_but_never_saved(hands, own_folders, monkeypatch):
    (own_folders / "config" / "storage.toml").write_text(f'kind = "none"\nurl = "{REMOTE}"\n')
    monkeypatch.setenv(URL_VARIABLE, "postgresql://bob:secret@environment.example/other")
    monkeypatch.setattr(hands.window.storage_desk, "open", lambda: None)
    hands.press("settings")
    dialog = hands.window.findChild(SettingsDialog)
    assert dialog.host.text() == "environment.example"
    assert not dialog.host.isEnabled()
    dialog.kind.setCurrentIndex(dialog.kind.findData("csv"))
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert (stored_settings().kind, stored_settings().url) == ("csv", REMOTE)


@pytest.mark.parametrize("stored_url", [REMOTE.replace(":1/", ":99999/")])
def test_a_stored_port_that_no_machine_has_is_said(dialog):
    assert "has the port 99999; a port is a number from 1 to 65535" in dialog.answer.text()


def test_closing_the_settings_waits_for_no_connection_test(dialog, hands, monkeypatch):
    from app.worker import Errand
    from persistence.database import connection

    release, began = threading.Event(), threading.Event()

    def slow(url: str) -> connection.ConnectionReport:
        began.set()
        release.wait(20)
        return connection.ConnectionReport(False, "too late")

    monkeypatch.setattr(connection, "test_connection", slow)
    hands.bot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    assert began.wait(20)
    dialog.reject()
    hands.wait(lambda: hands.window.findChild(SettingsDialog) is None)
    assert not release.is_set()
    release.set()
    hands.wait(lambda: not hands.window.findChildren(Errand))
