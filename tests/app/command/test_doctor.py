"""``schedrace doctor`` and ``add-to-menu``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command


def findings(said: str) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in json.loads(said)}


def test_doctor_looks_at_python_qt_libraries_postgresql_and_folders(schedrace: Command) -> None:
    said = findings(schedrace("doctor", "--json").out)
    assert said["Python"]["status"] == "ok"
    assert said["Qt without a display"]["status"] == "ok", said["Qt without a display"]["detail"]
    assert "sqlalchemy" in said["Libraries"]["detail"]
    assert said["fdatasync"]["detail"].endswith("(journal_sync = each)")
    assert {"PostgreSQL of our own", "Settings folder", "Data folder", "Plugins folder"} <= set(said)


def test_doctor_fails_on_a_folder_that_cannot_be_written_and_says_what_to_do(
    schedrace: Command, own_folders: Path
) -> None:
    (own_folders / "data").write_text("a file where the folder should be")
    said = schedrace("doctor", "--json")
    folder = findings(said.out)["Data folder"]
    assert said.status == 1
    assert folder["status"] == "fail"
    assert "SCHEDRACE_DATA_DIR" in folder["advice"]
    assert "SCHEDRACE_CONFIG_DIR" not in folder["advice"]


def test_doctor_lists_a_broken_plugin(schedrace: Command, drop_in: Any) -> None:
    drop_in("broken", "1 +\n")
    assert findings(schedrace("doctor", "--json").out)["Plugin broken"]["status"] == "warn"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="menu entries are written on Linux")
def test_the_menu_entry_is_put_in_place(schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    said = schedrace("add-to-menu")
    entry = tmp_path / "applications" / "schedrace.desktop"
    assert said.status == 0
    assert str(entry) in said.out
    assert "schedrace-desktop" in entry.read_text()
