"""What SchedRace needs from this machine: what is there, what is missing, what to do about it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from app.system_libraries import has_fonts, missing_libraries, packages_for
from engine.errors import SchedRaceError
from persistence.finding import Finding

if TYPE_CHECKING:
    from persistence.embedded.roots import OwnDatabase

QT_TRIAL = "from PySide6.QtWidgets import QApplication; QApplication([]); print('opened')"
QT_TRIAL_WITHIN_S = 30


def examine() -> list[Finding]:
    """Look at everything; takes a few seconds, for Qt is really started (in a process of its own)."""
    return [*_python(), *_qt(), *_libraries(), *_storage(), *_folders(), *_plugins()]


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("Python", "ok", f"{version} ({sys.executable})")  # an older one cannot even read this file
    yield Finding("SchedRace", "ok", f"{metadata.version('schedrace')} ({Path(__file__).parent.parent})")


def _qt() -> Iterator[Finding]:
    window = _has_display()
    missing = missing_libraries(window=window)
    if missing:
        packages = " ".join(packages_for(missing))
        yield Finding(
            "Qt's system libraries",
            "fail",
            f"missing: {', '.join(missing)}",
            f"On Debian and Ubuntu: sudo apt-get install -y {packages}",
        )
    if not has_fonts():
        yield Finding(
            "Fonts", "warn", "this machine has none", "On Debian and Ubuntu: sudo apt-get install -y fonts-dejavu-core"
        )
    yield _qt_opens("Qt without a display", "offscreen", "The messages above name what is missing.")
    if window:
        yield _qt_opens(
            "Qt on this display",
            os.environ.get("QT_QPA_PLATFORM", ""),
            "Check that the display accepts this user's windows; 'schedrace race' works without one.",
        )
    else:
        yield Finding(
            "Display", "warn", "there is none here", "'schedrace' races in the terminal and saves the window's picture."
        )


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _qt_opens(name: str, qt_platform: str, advice: str) -> Finding:
    environment = {**os.environ, "QT_QPA_PLATFORM": qt_platform} if qt_platform else dict(os.environ)
    try:
        trial = subprocess.run(
            [sys.executable, "-c", QT_TRIAL],
            env=environment,
            capture_output=True,
            text=True,
            timeout=QT_TRIAL_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(name, "fail", f"it did not start within {QT_TRIAL_WITHIN_S} s", advice)
    if trial.returncode == 0 and "opened" in trial.stdout:
        return Finding(name, "ok", f"PySide6 {_version('PySide6-Essentials')}")
    said = " ".join(trial.stderr.split())[:300] or f"it ended with status {trial.returncode}"
    return Finding(name, "fail", said, advice)


def _libraries() -> Iterator[Finding]:
    """Compare what is installed with what the package declares."""
    missing: list[str] = []
    found: list[str] = []
    for requirement in metadata.requires("schedrace") or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        version = _version(name)
        if version is None and "platform_system" in requirement:
            continue  # not made for every platform; the storage line says what that means
        (missing if version is None else found).append(name if version is None else f"{name} {version}")
    if missing:
        yield Finding("Libraries", "fail", f"missing: {', '.join(missing)}", "Install SchedRace again: make run")
    yield Finding("Libraries", "ok", ", ".join(found))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _storage() -> Iterator[Finding]:
    from persistence.checking.machine import sync_line
    from persistence.embedded.binaries import find_binaries
    from persistence.settings import load_settings

    try:
        settings = load_settings()
        yield Finding("Storage setting", "ok", settings.kind)
        yield sync_line(settings)
    except SchedRaceError as error:
        yield Finding("Storage setting", "fail", str(error))
    found = find_binaries(None)
    if found is not None:
        yield Finding("PostgreSQL of our own", "ok", f"version {found.major} ({found.bin})")
    else:
        yield Finding(
            "PostgreSQL of our own",
            "warn",
            "no server programs were found, so without a database URL the CSV journals alone keep the results",
            "On Debian and Ubuntu: sudo apt-get install -y postgresql; or set a URL in the window's settings.",
        )
    yield from _own_databases()
    yield _keyring()


def _own_databases() -> Iterator[Finding]:
    """Root's databases, which lie away from their data folders and stay when those go."""
    from persistence.embedded.roots import own_databases

    databases = own_databases()
    if not databases:
        return
    left = [database for database in databases if database.left]
    detail = f"{len(databases):,} with {_gigabytes(databases)} in {databases[0].folder.parent}"
    advice = "Delete one that nobody needs with: schedrace cleanup --own-databases NAME"
    if left:
        detail += f"; the data folders of {len(left):,} with {_gigabytes(left)} are gone"
        advice = "Delete those with: schedrace cleanup --own-databases"
    yield Finding("Own databases", "warn" if left else "ok", detail, advice)
    for database in databases:
        yield Finding(f"Own database {database.folder.name}", "warn" if database.left else "ok", database.about)


def _gigabytes(databases: Sequence[OwnDatabase]) -> str:
    return f"{sum(database.size_bytes for database in databases) / 1e9:,.2f} GB"


def _keyring() -> Finding:
    import keyring
    from keyring.backends.fail import Keyring as NoKeyring

    backend = keyring.get_keyring()
    if isinstance(backend, NoKeyring):
        return Finding(
            "Keyring", "warn", "this system has none, so no password can be kept", "Use ~/.pgpass or a URL without one."
        )
    return Finding("Keyring", "ok", backend.name)


def _folders() -> Iterator[Finding]:
    from persistence.settings import config_dir, data_dir
    from plugins.discovery import plugins_folder

    for name, folder, variable in (
        ("Settings folder", config_dir(), "SCHEDRACE_CONFIG_DIR"),
        ("Data folder", data_dir(), "SCHEDRACE_DATA_DIR"),
        ("Plugins folder", plugins_folder(), "SCHEDRACE_PLUGINS"),
    ):
        yield _writable(name, folder, variable)


def _writable(name: str, folder: Path, variable: str) -> Finding:
    """Try it: permission bits do not tell about read-only disks, quotas and root."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding(
            name,
            "fail",
            f"{folder} cannot be written: {error.strerror}",
            f"Make it writable for this user, or name another folder with the environment variable {variable}.",
        )
    return Finding(name, "ok", str(folder) if existing == folder else f"{folder} (made when it is needed)")


def _plugins() -> Iterator[Finding]:
    from plugins.registry import load_registry

    records = load_registry().plugins
    active = sum(record.state == "active" for record in records)
    yield Finding("Plugins", "ok", f"{active} active")
    for record in records:
        if record.state == "failed":
            yield Finding(f"Plugin {record.name}", "warn", record.error, f"Look at {record.where}, or take it away.")
