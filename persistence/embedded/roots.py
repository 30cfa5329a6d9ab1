"""Root's own databases: they lie together, away from their data folders, which therefore are noted beside them.

Another user's database lies in the data folder itself and goes with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from persistence.embedded.account import ROOT_FOLDER
from persistence.embedded.cluster import left_behind
from persistence.errors import StorageError
from persistence.filelock import FileLock

_NOTE = "data_folder"
_REMOVED = "removed-"
"""How a database's folder begins from the moment at which it is none any more."""


@dataclass(frozen=True, slots=True)
class OwnDatabase:
    """A database of our own in root's folder; ``data_dir`` None: it was made before these were noted, and has not been
    used since."""

    folder: Path
    data_dir: Path | None
    size_bytes: int
    in_use: bool

    @property
    def kept_because(self) -> str:
        """Why it must not be deleted; empty where nothing is known to need it."""
        if self.in_use:
            return "it is in use"
        return f"its data folder {self.data_dir} is there" if self.data_dir and self.data_dir.exists() else ""

    @property
    def about(self) -> str:
        """How large it is, and whose."""
        size = f"{self.size_bytes / 1e6:,.1f} MB"
        if self.data_dir is None:
            return f"{size}, in use" if self.in_use else f"{size}, of a data folder that was not noted in its time"
        state = "in use" if self.in_use else "not in use" if self.kept_because else "which is gone"
        return f"{size}, of {self.data_dir}, {state}"

    @property
    def left(self) -> bool:
        """Whether its data folder is known to be gone."""
        return self.data_dir is not None and not self.kept_because


def note_data_dir(folder: Path, data_dir: Path) -> None:
    """Note in a database's folder, where that is root's, which data folder it belongs to. Raises OSError."""
    if folder.parent == ROOT_FOLDER and _noted(folder) != data_dir:
        new = folder / f"{_NOTE}.new-{os.getpid()}"  # others may start on the same folder at this instant
        new.touch(0o600)  # its name is nobody else's business
        new.write_bytes(os.fsencode(data_dir))
        new.replace(folder / _NOTE)


def own_databases() -> list[OwnDatabase]:
    """Return root's databases, the largest first; none for another user."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return []
    folders = [path.parent for path in ROOT_FOLDER.glob("*/data") if not path.parent.name.startswith(_REMOVED)]
    found = [OwnDatabase(folder, _noted(folder), _size(folder), _in_use(folder)) for folder in folders]
    return sorted(found, key=lambda database: -database.size_bytes)


def delete_database(database: OwnDatabase) -> None:
    """Delete a database for good, unless something needs it now. Raises :class:`StorageError`."""
    try:
        with _held(database.folder) as free:
            reason = database.kept_because if free else "it is in use"
            if reason:
                raise StorageError(f"The database {database.folder} was not deleted: {reason}.")
            database.folder.rename(database.folder.with_name(_REMOVED + database.folder.name))
            for path in ROOT_FOLDER.glob(f"{_REMOVED}*"):  # also what was left where this was cut short
                shutil.rmtree(path)
    except OSError as error:
        raise StorageError(
            f"The database {database.folder} could not be deleted: {error.strerror or error}. Remove it by hand."
        ) from error


def _noted(folder: Path) -> Path | None:
    try:
        return Path(os.fsdecode((folder / _NOTE).read_bytes()))
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Keep everybody else from starting a server in a folder; yield whether nobody runs one."""
    lock = FileLock(folder / "lock")
    try:
        yield lock.acquire() and left_behind(folder / "data") is None
    finally:
        lock.release()


def _in_use(folder: Path) -> bool:
    return (folder / "lock").exists() and FileLock(folder / "lock").is_held()


def _size(folder: Path) -> int:
    size = 0
    for above, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a server at work
                size += Path(above, name).lstat().st_size
    return size
