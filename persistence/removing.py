"""The end of a run's folder: in one step it is no journal any more, then it goes, whatever cuts that short."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from persistence.errors import JournalError

_REMOVED = "removed.json"
"""What ``run.json`` is called from the moment at which a folder is no journal any more."""


def remove_remains(runs_dir: Path) -> None:
    """Finish the removal of journals at which a program was cut."""
    for path in runs_dir.glob(f"*/{_REMOVED}"):
        with contextlib.suppress(JournalError):  # it is tried again at the next clean-up
            remove_folder(path.parent)


def end_journal(folder: Path) -> None:
    """Make a folder that is held no journal any more, in one step. Raises :class:`JournalError`."""
    try:
        (folder / "run.json").replace(folder / _REMOVED)
    except OSError as error:
        raise _not_removed(folder, error) from error


def remove_folder(folder: Path) -> None:
    """Remove what has been a journal, its mark last: what a crash leaves of it is found again.

    Raises :class:`JournalError`.
    """
    try:
        with contextlib.suppress(FileNotFoundError):  # somebody else removes it too
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != _REMOVED:
                    path.unlink(missing_ok=True)
            _remove_marked(folder)
    except OSError as error:
        raise _not_removed(folder, error) from error


def _remove_marked(folder: Path) -> None:
    """Remove a folder that holds its mark alone; who asks just now whether it is free makes its lock anew."""
    for last in (False, True):
        (folder / _REMOVED).unlink(missing_ok=True)
        try:
            folder.rmdir()
            return
        except OSError:
            (folder / _REMOVED).touch()  # the next clean-up finds it
            if last:
                raise
            (folder / "lock").unlink(missing_ok=True)


def _not_removed(folder: Path, error: OSError) -> JournalError:
    reason = error.strerror or error
    return JournalError(f"The journal {folder} could not be removed: {reason}. Remove the folder by hand.")
