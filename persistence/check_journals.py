"""Whether the journals of the data folder have arrived in the storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from persistence.check_server import CheckLine
from persistence.errors import JournalError
from persistence.journal import JournalReader
from persistence.schema import JOURNALED
from persistence.shipping import has_arrived, journal_folders
from persistence.storage import CLEANED_UP, Storage

Stored = Callable[[JournalReader], int]
"""How many rows of a journal the storage holds."""
Offsets = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """One run's journal (all tables together): rows in it, in the storage, missing there, set aside."""

    run: str
    rows: int
    in_database: int
    missing: int
    rejected: int


def check_journals(storage: Storage, stored: Stored) -> tuple[tuple[JournalCheck, ...], list[CheckLine]]:
    """Compare every journal with what the storage holds of it."""
    journals: list[JournalCheck] = []
    checks: list[CheckLine] = []
    for reader in journal_folders(storage):
        try:
            journals.append(_check(reader, stored(reader)))
        except JournalError as error:
            checks.append(CheckLine(f"journal {reader.run}", "fail", str(error), "Look into that folder."))
    checks.append(_arrived_line(journals))
    rejected = sum(j.rejected for j in journals)
    if rejected:
        detail = f"{rejected} rows were refused by the storage as data."
        checks.append(CheckLine("rejected", "warn", detail, "See *.rejected.csv in the folders of those runs."))
    return tuple(journals), checks


def all_rows(reader: JournalReader) -> int:
    """Return the rows of a journal that is the storage itself."""
    return sum(reader.rows(table) for table in JOURNALED)


def rows_before(offsets: Offsets) -> Stored:
    """Return how to count rows by a storage's own account of how far each journal has arrived."""

    def stored(reader: JournalReader) -> int:
        reached = offsets.get(reader.run, {})
        arrived = sum(reader.rows(table, reached.get(table, 0)) for table in JOURNALED)
        return max(0, (all_rows(reader) if CLEANED_UP in reached else arrived) - _rejected(reader))

    return stored


def ends_line(storage: Storage, offsets: Offsets) -> CheckLine:
    """Whether a storage knows how every run that nobody writes any more has ended."""
    over = [reader for reader in journal_folders(storage) if not reader.is_written()]
    unknown = [reader.run for reader in over if not has_arrived(reader, offsets.get(reader.run, {}))]
    if unknown:
        detail = (
            f"The storage does not hold all of {len(unknown)} runs that are over, or not how they ended: {unknown[-1]}."
        )
        return CheckLine("runs", "fail", detail, f"See offsets() and finish() of the storage '{storage.kind}'.")
    return CheckLine("runs", "ok", f"{len(over)} are over, and the storage knows how each has ended")


def _check(reader: JournalReader, stored: int) -> JournalCheck:
    rows, rejected = all_rows(reader), _rejected(reader)
    return JournalCheck(reader.run, rows, stored, max(0, rows - stored - rejected), rejected)


def _rejected(reader: JournalReader) -> int:
    return sum(reader.rejected(table) for table in JOURNALED)


def _arrived_line(journals: list[JournalCheck]) -> CheckLine:
    missing = [j for j in journals if j.missing]
    if not missing:
        return CheckLine("arrived", "ok", f"Everything in {len(journals)} journals is in the storage.")
    detail = f"{sum(j.missing for j in missing)} rows of {len(missing)} journals are not in the storage yet."
    return CheckLine("arrived", "fail", detail, "They are shipped while a race or the window runs and it answers.")
