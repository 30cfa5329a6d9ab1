"""Reading text files line by line: what cannot be read becomes a sentence, and whoever waits sees how far it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from engine.errors import InputError
from plugins.workload import Progress, unwatched

_LINES_BETWEEN_REPORTS = 2000


@contextmanager
def open_lines(path: Path, progress: Progress = unwatched) -> Iterator[Iterator[tuple[int, str]]]:
    """Open a text file (UTF-8, with or without a byte order mark) as pairs (line number from 1, line without its end).

    Raises :class:`InputError` when it cannot be read, also while its lines are.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            yield ((number, line.rstrip("\n")) for number, line in enumerate(watched(stream, progress), start=1))
    except UnicodeDecodeError as error:
        raise InputError(f"'{path}' is not UTF-8 text ({error.reason}). Save it as UTF-8 and try again.") from error
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}.") from error


def watched(stream: TextIOWrapper, progress: Progress) -> Iterator[str]:
    """Yield the lines of an open file and tell ``progress`` every 2000 lines which share of its bytes is read."""
    size = os.fstat(stream.fileno()).st_size or 1
    for number, line in enumerate(stream):
        if number % _LINES_BETWEEN_REPORTS == 0:
            progress(min(os.lseek(stream.fileno(), 0, os.SEEK_CUR) / size, 1.0))
        yield line
