"""A run's journal: append-only CSV files that are the write-ahead log, the backup and the fallback in one.

``<runs>/<run>/`` holds ``run.json``, ``race.toml``, ``<table>.csv`` with a header line each, ``result.json`` at the
end, and ``<table>.rejected.csv`` where a database refused rows. One writer (a file lock), one write() a batch and
table, and fdatasync as the settings choose. That matters only when the machine loses power: what write() took survives
any death of ours.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from persistence.errors import JournalBusy, JournalError
from persistence.filelock import FileLock
from persistence.journal.reader import RESUMED, JournalReader, as_sentence
from persistence.run import RunHeader
from persistence.schema import JOURNALED, header_line
from persistence.settings import JOURNAL_SYNC

GROUP_S = 0.05
"""How long rows wait at most for being made durable together with others."""
_TAIL = 64 * 1024
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_sync = getattr(os, "fdatasync", os.fsync)  # fdatasync is not everywhere


class Journal(JournalReader):
    """The one writer of a journal. ``written[table]`` is its size, ``synced[table]`` the size that a power cut cannot
    take back, ``opened[table]`` the size that it was found with; ``resumed_before``: others may have gone on with it.

    ``sync`` says when rows are made durable: ``each`` batch at once; in a ``group`` at most every :data:`GROUP_S`, for
    which somebody calls :meth:`make_durable` when :meth:`sync_due_s` says so; or, left to the ``system``, only before
    they are shipped and at the end.
    """

    def __init__(self, folder: Path, sync: str = JOURNAL_SYNC[0]) -> None:
        """Open an existing journal: take its lock and cut torn last lines."""
        super().__init__(folder)
        self._lock = FileLock(folder / "lock")
        self.resumed_before = self.was_resumed()
        self._sync = sync
        self._synced_at = 0.0
        self._closed = False
        self._files: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.synced: dict[str, int] = {}
        self.opened: dict[str, int] = {}
        with as_sentence(folder):
            if not self._lock.acquire():
                raise JournalBusy(f"The journal {folder} is being written by another SchedRace.")
        try:
            for table in JOURNALED:
                if self.path(table).exists():
                    self.opened[table] = self._open(table)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def create(runs_dir: Path, header: RunHeader, sync: str = JOURNAL_SYNC[0]) -> Journal:
        """Make the folder of a new run and open its journal."""
        folder = runs_dir / header.run
        with as_sentence(folder):
            folder.mkdir(parents=True, exist_ok=True)
            journal = Journal(folder, sync)
            try:
                _check_is_ours(folder, header)
                _write_whole(folder / "race.toml", header.race_toml)
                _write_whole(folder / "run.json", header.as_json())
                sync_folder(runs_dir)
            except (OSError, JournalError):
                journal.close()
                raise
        return journal

    def append(self, batch: Mapping[str, bytes]) -> None:
        """Append lines to tables and make them durable as chosen; on an error the files are as before, and it can be
        repeated."""
        before = {table: self._open(table) for table in batch}
        due = self._sync == "each" or (self._sync == "group" and time.monotonic() >= self._synced_at + GROUP_S)
        syncing = {*batch, *self._unsynced()} if due else set()
        with as_sentence(self.folder):
            try:
                for table, rows in batch.items():
                    written = os.write(self._file(table), rows)
                    if written < len(rows):
                        # the second write tells the reason (disk full, quota)
                        written += os.write(self._file(table), rows[written:])
                        if written < len(rows):
                            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                for table in syncing:
                    _sync(self._file(table))
            except OSError:
                for table, size in before.items():
                    os.ftruncate(self._file(table), size)
                raise
        for table, rows in batch.items():
            self.written[table] = before[table] + len(rows)
        self._note_synced({table: self.written[table] for table in syncing})

    def make_durable(self) -> None:
        """Make durable what is written; while another thread appends, what it appends meanwhile may not be."""
        sizes = self._unsynced()
        with as_sentence(self.folder):
            for table in sizes:
                _sync(self._file(table))
        self._note_synced(sizes)

    def sync_due_s(self) -> float | None:
        """Return in how many seconds :meth:`make_durable` is due; None: it is not."""
        if self._sync != "group" or not self._unsynced():
            return None
        return max(0.0, self._synced_at + GROUP_S - time.monotonic())

    def shippable(self) -> Mapping[str, int]:
        """Return up to which byte each table may be shipped: rows must not be in a database before they are here for
        good, or it would believe later to have what has come in their place."""
        if self._sync == "system":
            self.make_durable()  # by the thread that ships: the one that writes does not wait for the disk
        return self.synced

    def mark_resumed(self) -> None:
        """Remember that its race goes on after a cut, before anything is appended."""
        with as_sentence(self.folder):
            (self.folder / RESUMED).touch()
            sync_folder(self.folder)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Make all rows durable and write ``result.json``; from then on the run counts as over."""
        self.make_durable()
        self._check_open()
        with as_sentence(self.folder):
            _write_whole(self.folder / "result.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")

    def reject(self, table: str, row: bytes, reason: str) -> None:
        """Set a row aside that a database refuses for ever, with the reason as one more field."""
        line = row.rstrip(b"\n") + b',"' + " ".join(reason.replace('"', "'").split()).encode() + b'"\n'
        path = self.rejected_path(table)
        with as_sentence(path):
            known = path.read_bytes().splitlines(keepends=True) if path.exists() else []
            if line not in known:  # a replay after a crash finds its own line
                with path.open("ab") as file:
                    file.write(line)

    def close(self) -> None:
        """Close the files and let go of the lock; from then on nothing can be written, also by a thread that the disk
        still holds."""
        self._closed = True
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
        self._lock.release()

    def _open(self, table: str) -> int:
        """Open a table's file, if it is not, cut a torn last line, and return its size."""
        self._check_open()
        if table in self._files:
            return self.written[table]
        with as_sentence(self.path(table)):
            descriptor = os.open(self.path(table), _APPEND, 0o666)
            try:
                size = _cut_torn_line(descriptor)
                if size < self.first(table):
                    os.ftruncate(descriptor, 0)
                    size = os.write(descriptor, header_line(table))
                    if size < self.first(table):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    sync_folder(self.folder)
                elif size > self.first(table):
                    _sync(descriptor)  # who wrote it may have left that to the system
            except OSError:
                os.close(descriptor)
                raise
        self._files[table] = descriptor
        self.synced[table] = self.written[table] = size
        return size

    def _file(self, table: str) -> int:
        self._check_open()
        return self._files[table]

    def _check_open(self) -> None:
        if self._closed:  # another process may have the lock by now
            raise JournalError(
                f"The journal {self.folder} was closed before its last rows were written. Check whether its disk is "
                "full or too slow."
            )

    def _unsynced(self) -> dict[str, int]:
        """Return the sizes of the tables with rows that a power cut could take back."""
        return {table: size for table, size in dict(self.written).items() if size > self.synced[table]}

    def _note_synced(self, sizes: Mapping[str, int]) -> None:
        for table, size in sizes.items():
            self.synced[table] = max(size, self.synced[table])
        if sizes:
            self._synced_at = time.monotonic()


def _check_is_ours(folder: Path, header: RunHeader) -> None:
    """Refuse a folder that holds another race's run; our own header may be there from an attempt that failed later."""
    path = folder / "run.json"
    if path.exists() and path.read_text("utf-8") != header.as_json():
        raise JournalError(
            f"The journal {folder} holds a run of another SchedRace already, and nothing is added to it. Start the "
            "race again: it becomes a run of its own."
        )


def _cut_torn_line(descriptor: int) -> int:
    """Truncate a file behind its last line break and return its size."""
    end = size = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _TAIL)
        os.lseek(descriptor, start, os.SEEK_SET)
        cut = os.read(descriptor, end - start).rfind(b"\n")
        if cut >= 0:
            end = start + cut + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
    return end


def _write_whole(path: Path, text: str) -> None:
    """Write a small file so that it is either absent, old or complete, whatever happens."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its content; Windows cannot and need not."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
