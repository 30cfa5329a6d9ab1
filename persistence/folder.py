"""Whether a folder can be written and has room, tried before anything depends on it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from persistence.errors import StorageImpossible

ROOM_BYTES = 1_000_000
"""What has to fit into a folder before anything is begun there: a run's small files and its first rows."""
_NO_FOLDER = "there is a file in its place"


def why_not_writable(folder: Path) -> str | None:
    """Return why next to nothing can be written to a folder, which is made where it is missing; None when it can be.

    It is tried: permission bits do not tell about read-only disks, and free space not about quotas.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            return None if file.write(bytes(ROOM_BYTES)) == ROOM_BYTES else "there is no room on its disk"
    except FileExistsError:
        return _NO_FOLDER
    except OSError as error:
        return error.strerror or str(error)


def check_usable(data_dir: Path) -> None:
    """Raise :class:`StorageImpossible` where a data folder is none, or may not be looked into."""
    try:
        os.scandir(data_dir).close()
    except FileNotFoundError:
        return
    except OSError as error:
        reason = _NO_FOLDER if isinstance(error, NotADirectoryError) else error.strerror or str(error)
        raise StorageImpossible(
            f"The data folder {data_dir} cannot be used: {reason}. Put that right, or set the environment variable "
            "SCHEDRACE_DATA_DIR to another folder."
        ) from error
