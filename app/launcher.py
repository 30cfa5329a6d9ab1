"""Puts SchedRace into the desktop's menu of applications: a desktop entry and its icon; knows nothing of Qt."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.resources import files
from pathlib import Path

from engine.errors import SchedRaceError


def add_to_menu(data_home: Path | None = None) -> Path:
    """Write the desktop entry and the icon for this user; return the entry's path. Doing it twice does no harm.

    ``data_home`` defaults to the folder that the desktops read (``$XDG_DATA_HOME``, else ~/.local/share).
    """
    if not sys.platform.startswith("linux"):
        raise SchedRaceError(
            "Menu entries are written on Linux desktops only. Here, make a shortcut to the program "
            f"'{_program()}' by the means of the system."
        )
    home = data_home or Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    resources = files("resources") / "icons"
    entry = home / "applications" / "schedrace.desktop"
    icon = home / "icons" / "hicolor" / "scalable" / "apps" / "schedrace.svg"
    try:
        for target in (entry, icon):
            target.parent.mkdir(parents=True, exist_ok=True)
        template = (resources / "schedrace.desktop").read_text(encoding="utf-8")
        entry.write_text(template.replace("{exec}", _quoted(_program())), encoding="utf-8")
        icon.write_text((resources / "schedrace.svg").read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise SchedRaceError(
            f"The menu entry could not be written: {error.strerror} ({error.filename}). "
            "Make that folder writable, or start SchedRace with the command 'schedrace'."
        ) from error
    return entry


def _program() -> str:
    """Return the absolute path of the program that opens the window, as it is installed beside this Python."""
    beside = Path(sys.executable).parent / "schedrace-desktop"
    found = str(beside) if beside.exists() else shutil.which("schedrace-desktop")
    if found is None:
        raise SchedRaceError(
            "The program 'schedrace-desktop' was not found beside this Python, so a menu entry would lead nowhere. "
            "Install SchedRace (make run, or pipx install .) and try again."
        )
    return found


def _quoted(program: str) -> str:
    r"""Quote a path for the Exec key: it is quoted as an argument and then escaped as a string of the file."""
    for sign in '\\"`$':
        program = program.replace(sign, "\\" + sign)
    return '"' + program.replace("\\", "\\\\").replace("%", "%%") + '"'
