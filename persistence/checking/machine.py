"""What recording needs of this machine, whether or not a server answers; check-db and doctor say it alike."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine.words import remedy
from persistence.finding import Finding
from persistence.folder import why_not_writable
from persistence.settings import JOURNAL_SYNC, StorageSettings

LOW_SPACE_BYTES = 500_000_000
SLOW_SYNC_S = 0.01
"""From here on the disk brakes a race at full speed: each batch of the journal waits for it once."""
_POLICIES = dict(
    zip(JOURNAL_SYNC, ("with each batch", "at most every 50 ms", "before rows are shipped and at the end"), strict=True)
)
_SYNCS = 5
_BATCH_BYTES = 10_000
_sync = getattr(os, "fdatasync", os.fsync)  # fdatasync is not everywhere


def url_line(settings: StorageSettings) -> Finding:
    """Where the database's URL came from."""
    if settings.url is None:
        return Finding("url", "ok", f"{settings.url_source}; kind '{settings.kind}'")
    from persistence.database.urls import shown_url

    return Finding("url", "ok", f"{shown_url(settings.url)}, from {settings.url_source}; kind '{settings.kind}'")


def journal_lines(settings: StorageSettings) -> Iterator[Finding]:
    """Whether journals can be written, for how long, and how fast the disk makes a batch durable."""
    folder = settings.runs_dir
    if reason := why_not_writable(folder):
        detail = f"The data folder {folder} cannot be written: {reason}."
        advice = "Make it writable for this user, make room on its disk, or set SCHEDRACE_DATA_DIR to another folder."
        yield Finding("journals", "fail", detail, advice)
        return
    yield Finding("journals", "ok", str(folder))
    yield _space_line(folder)
    yield sync_line(settings)


def passfile_line(settings: StorageSettings) -> Finding:
    """Whether libpq may read the file of passwords: it ignores one that others can read."""
    from persistence.database.libpq import is_ignored, passfile

    path = passfile(settings.url)
    if not path.exists():
        return Finding("passfile", "ok", f"{path} is not there, and need not be")
    if is_ignored(path):
        detail = f"{path} can be read by others, so its passwords are ignored."
        return Finding("passfile", "warn", detail, f"Run: chmod 600 {path}")
    return Finding("passfile", "ok", f"{path}, for its owner only")


def _space_line(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:,.1f} GB free at {folder}"
    if free < LOW_SPACE_BYTES:
        return Finding("disk", "warn", detail, "Free some space: recording stops on a full disk.")
    return Finding("disk", "ok", detail)


def sync_line(settings: StorageSettings) -> Finding:
    """How fast the journals' disk makes a batch durable, and how often the settings ask it to."""
    runs_dir = settings.runs_dir
    folder = next(path for path in (runs_dir, *runs_dir.parents) if path.exists())
    try:
        latency_s = sync_latency_s(folder)
    except OSError as error:
        advice = f"{remedy(error)}: {folder}."
        return Finding("fdatasync", "warn", f"not measured: {error.strerror}", advice)
    policy = settings.journal_sync
    detail = f"{1000 * latency_s:.2f} ms; asked for {_POLICIES[policy]} (journal_sync = {policy})"
    if latency_s > SLOW_SYNC_S and policy == JOURNAL_SYNC[0]:
        advice = "A race at full speed waits for this disk; another may be faster, or choose 'group' in the settings."
        return Finding("fdatasync", "warn", detail, advice)
    return Finding("fdatasync", "ok", detail)


def sync_latency_s(folder: Path) -> float:
    """Return the median seconds that the disk of a folder takes to make a small append durable."""
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(b"x" * _BATCH_BYTES)
            began = time.perf_counter()
            _sync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took)
