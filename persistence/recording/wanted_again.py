"""Runs that were imported, perhaps after they had been cleaned up: who imports a run wants it again.

Whether a database says that it was cleaned up is not known at that moment where the database is away, or not asked. So
a file in the journal's folder keeps the wish, until the storage has been told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from persistence.errors import JournalError
from persistence.journal.reader import JournalReader
from persistence.run import RunHeader
from persistence.storage import CLEANED_UP, StoragePlugin

WANTED_AGAIN = "wanted-again"
"""A file of this name in a journal's folder: that its run was cleaned up in the past counts no more."""


def is_wanted_again(journal: JournalReader) -> bool:
    """Whether a run was imported and the storage has not been told yet."""
    return (journal.folder / WANTED_AGAIN).exists()


def want_again(folder: Path) -> None:
    """Keep the wish in a journal's folder; raises OSError."""
    (folder / WANTED_AGAIN).touch()


def believed(journal: JournalReader, offsets: Mapping[str, int]) -> Mapping[str, int]:
    """Return what a storage says of a journal as far as that holds: of a run that was cleaned up and is wanted again,
    nothing has arrived."""
    return {} if CLEANED_UP in offsets and is_wanted_again(journal) else offsets


def begin(consumer: StoragePlugin, journal: JournalReader, header: RunHeader) -> Mapping[str, int] | None:
    """Make a run known to a storage (:meth:`StoragePlugin.begin`), after it was brought back where that is wanted."""
    wanted = is_wanted_again(journal)
    if wanted:
        consumer.bring_back(header.run)
    offsets = consumer.begin(header)
    if wanted and offsets is not None:
        told(consumer, journal)
    return offsets


def told(consumer: StoragePlugin, journal: JournalReader) -> None:
    """Forget the wish: if the run is cleaned up from now on, that is meant. CSV alone cannot be told."""
    if consumer.is_journal:
        return
    path = journal.folder / WANTED_AGAIN
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"{path} cannot be removed: {error.strerror}. Remove it by hand.") from error
