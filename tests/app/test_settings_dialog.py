"""Settings: what the dialog saves, and that it never loses what it does not show."""

from __future__ import annotations

import re
import threading
import tomllib
from importlib.resources import files

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from app.dialogs.keeping_fields import POLICIES
from app.dialogs.settings import SettingsDialog
from persistence.settings import JOURNAL_SYNC, URL_VARIABLE, StorageSettings, stored_settings

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


def test_how_the_connection_is_encrypted_is_shown_and_saved(dialog, hands):
    assert dialog.encryption.mode == "verify-full"
    assert dialog.encryption.currentText() == "As the URL says: sslmode=verify-full"
    dialog.encryption.setCurrentIndex(dialog.encryption.findData("require"))
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert stored_settings().url == REMOTE.replace("verify-full", "require")


@pytest.mark.parametrize("stored_url", [REMOTE.split("?")[0]])
def test_a_url_that_does_not_say_how_to_encrypt_stays_as_it_is(dialog, hands):
    assert dialog.encryption.mode == ""
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert stored_settings().url == REMOTE.split("?")[0]


@pytest.mark.parametrize("stored_url", ["postgresql+psycopg2://?service=races"])
def test_a_service_is_named_where_it_says_what_the_fields_do_not(dialog, hands):
    assert dialog.host.text() == "" and dialog.host.placeholderText() == "as the service 'races' says"
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert stored_settings().url == "postgresql+psycopg2://?service=races"


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


def test_nothing_is_deleted_and_no_policy_changes_unless_that_is_chosen(dialog, hands):
    assert dialog.keeping.runs.text() == dialog.keeping.days.text() == "off: all are kept"
    assert dialog.keeping.about_keeping.text().startswith("Nothing is deleted by itself")
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    saved = stored_settings()
    assert (saved.keep_runs, saved.keep_days, saved.journal_sync) == (None, None, "each")


def test_what_is_kept_and_how_durable_is_saved_and_shown_again(dialog, hands):
    dialog.pages.setCurrentWidget(dialog.keeping)
    dialog.keeping.runs.setValue(20)
    dialog.keeping.days.setValue(90)
    hands.bot.mouseClick(dialog.keeping.policies.button(1), Qt.MouseButton.LeftButton)
    assert "that neither of the two keeps are deleted for good" in dialog.keeping.about_keeping.text()
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    saved = stored_settings()
    assert (saved.keep_runs, saved.keep_days, saved.journal_sync) == (20, 90, "group")
    hands.wait(lambda: hands.window.findChild(SettingsDialog) is None)
    hands.press("settings")
    again = hands.window.findChild(SettingsDialog).keeping
    assert (again.runs.value(), again.days.value(), again.policies.checkedId()) == (20, 90, 1)


def test_no_text_of_the_settings_is_clipped(dialog, hands):
    dialog.kind.setCurrentIndex(dialog.kind.findData("auto"))
    dialog.answer.setText("A long answer of a server that wants to be read as a whole. " * 6)
    dialog.keeping.runs.setValue(20)
    dialog.keeping.days.setValue(90)

    def clipped() -> list[str]:
        labels = [label for label in dialog.findChildren(QLabel) if label.isVisible() and label.text()]
        return [label.text() for label in labels if label.height() < label.heightForWidth(label.width())]

    for page in range(dialog.pages.count()):
        dialog.pages.setCurrentIndex(page)
        hands.wait(lambda: not clipped())


def test_the_help_page_names_the_keys_and_the_prices_that_the_settings_show():
    page = (files("resources") / "help" / "storage.md").read_text(encoding="utf-8")
    example = tomllib.loads(page.split("```toml")[1].split("```")[0])
    assert example == {"keep_runs": 20, "keep_days": 90}
    StorageSettings(**example)
    for policy in JOURNAL_SYNC:
        price = POLICIES[policy][0].split(": ")[1]
        assert re.search(rf'^\| `"{policy}"`.*\| {price} \|$', page, re.MULTILINE), policy


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
