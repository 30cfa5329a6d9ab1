"""The entry in the applications menu."""

from __future__ import annotations

import configparser
import sys

import pytest

from app import launcher
from engine.errors import SchedRaceError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="menu entries are written on Linux only")


def test_entry_and_icon_are_written_where_desktops_look(tmp_path):
    entry = launcher.add_to_menu(tmp_path)
    assert entry == tmp_path / "applications" / "schedrace.desktop"
    assert (tmp_path / "icons" / "hicolor" / "scalable" / "apps" / "schedrace.svg").read_text().startswith("<svg")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(entry)
    section = parser["Desktop Entry"]
    assert section["Exec"].startswith('"/')
    assert section["Icon"] == "schedrace"


def test_doing_it_twice_does_no_harm(tmp_path):
    assert launcher.add_to_menu(tmp_path).read_text() == launcher.add_to_menu(tmp_path).read_text()


def test_a_path_with_odd_signs_is_quoted():
    assert launcher._quoted('/a b/$c"') == '"/a b/\\\\$c\\\\""'


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "applications").write_text("in the way")
    with pytest.raises(SchedRaceError, match="could not be written"):
        launcher.add_to_menu(tmp_path)
