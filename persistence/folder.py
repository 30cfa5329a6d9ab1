"""Whether a folder can be written, tried before anything depends on it."""

from __future__ import annotations

import tempfile
from pathlib import Path


def why_not_writable(folder: Path) -> str | None:
    """Return why nothing can be written to a folder, which is made where it is missing; None when it can be.

    It is tried: permission bits do not tell about read-only disks, quotas and root.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except FileExistsError:
        return "there is a file in its place"
    except OSError as error:
        return error.strerror or str(error)
