"""What can go wrong with a storage, as sentences."""

from __future__ import annotations

from engine.errors import SchedRaceError


class StorageError(SchedRaceError):
    """A storage does not answer or refuses to work now; trying again later may help."""


class OwnServerStopped(StorageError):
    """SchedRace's own PostgreSQL went away with the SchedRace that ran it; who connects again starts it anew."""


class StorageImpossible(StorageError):
    """A storage cannot work here at all until somebody changes something; it is not tried again by itself."""


class JournalError(SchedRaceError):
    """The journal on the disk cannot be opened or written."""


class JournalBusy(JournalError):
    """Somebody else, in this process or another, writes or ships this journal at the moment."""
