"""A lock that ends with its process, however that ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, shared: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # which knows no shared lock
else:
    import fcntl

    def _lock(descriptor: int, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


class FileLock:
    """An exclusive lock on a small file, held from :meth:`acquire` to :meth:`release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock at once or return False; raises OSError when the file cannot be opened."""
        self._descriptor = self._locked(shared=False)
        return self._descriptor is not None

    def is_held(self) -> bool:
        """Whether somebody holds the lock now; others may ask at the same time. Raises OSError as :meth:`acquire`."""
        descriptor = self._locked(shared=True)
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def release(self) -> None:
        """Let go; the file stays (removing it would let two processes hold 'the' lock)."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _locked(self, shared: bool) -> int | None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(descriptor, shared)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
