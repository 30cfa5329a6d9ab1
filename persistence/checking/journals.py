"""Whether the journals of the data folder have arrived in the storage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from persistence.errors import JournalError
from persistence.finding import Finding
from persistence.journal.files import JournalReader
from persistence.recording.shipping import has_arrived, journal_folders
from persistence.schema import JOURNALED
from persistence.storage import CLEANED_UP, Storage

Stored = Callable[[JournalReader], int]
"""How many rows of a journal the storage holds."""
Offsets = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """One run's journal (all tables together): rows in it, in the storage, missing there, set aside.

    Rows of a journal that somebody is writing are not missing but ``under_way``: its writer ships them.
    """

    run: str
    rows: int
    in_database: int
    missing: int
    rejected: int
    under_way: int = 0


def written_journals(storage: Storage) -> frozenset[str]:
    """Return the runs whose journals somebody is writing or shipping now."""
    return frozenset(reader.run for reader in journal_folders(storage) if _is_written(reader))


def check_journals(
    storage: Storage, stored: Stored, written: Collection[str]
) -> tuple[tuple[JournalCheck, ...], list[Finding]]:
    """Compare every journal with what the storage holds of it.

    ``written`` are the :func:`written_journals` from before the storage was asked: a race may have ended since.
    """
    journals: list[JournalCheck] = []
    checks: list[Finding] = []
    for reader in journal_folders(storage):
        try:
            journals.append(_check(reader, stored(reader), reader.run in written))
        except JournalError as error:
            checks.append(Finding(f"journal {reader.run}", "fail", str(error), "Look into that folder."))
    checks += _arrived_lines(journals)
    rejected = sum(j.rejected for j in journals)
    if rejected:
        detail = f"{rejected} rows were refused by the storage as data."
        checks.append(Finding("rejected", "warn", detail, "See *.rejected.csv in the folders of those runs."))
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


def ends_line(storage: Storage, offsets: Offsets, written: Collection[str]) -> Finding:
    """Whether a storage knows how every run that nobody writes any more has ended (``written``: as above)."""
    over = [reader for reader in journal_folders(storage) if reader.run not in written and not reader.is_written()]
    unknown = [reader.run for reader in over if not has_arrived(reader, offsets.get(reader.run, {}))]
    if unknown:
        detail = (
            f"The storage does not hold all of {len(unknown)} runs that are over, or not how they ended: {unknown[-1]}."
        )
        return Finding("runs", "fail", detail, f"See offsets() and finish() of the storage '{storage.kind}'.")
    return Finding("runs", "ok", f"{len(over)} are over, and the storage knows how each has ended")


def _check(reader: JournalReader, stored: int, written: bool) -> JournalCheck:
    rows, rejected = all_rows(reader), _rejected(reader)
    behind = max(0, rows - stored - rejected)
    # one that was not written before may be by now: a race that has just begun
    under_way = behind if behind and (written or reader.is_written()) else 0
    return JournalCheck(reader.run, rows, stored, behind - under_way, rejected, under_way)


def _is_written(reader: JournalReader) -> bool:
    try:
        return reader.is_written()
    except JournalError:
        return False  # a folder that nobody can write; where it matters, check_journals says what is wrong with it


def _rejected(reader: JournalReader) -> int:
    return sum(reader.rejected(table) for table in JOURNALED)


def _arrived_lines(journals: list[JournalCheck]) -> Iterator[Finding]:
    missing = [j for j in journals if j.missing]
    under_way = [j for j in journals if j.under_way]
    if missing:
        detail = f"{sum(j.missing for j in missing)} rows of {len(missing)} journals are not in the storage yet."
        advice = "They are shipped while a race or the window runs and it answers."
        yield Finding("arrived", "fail", detail, advice)
    else:
        everything = "Everything else" if under_way else "Everything"
        yield Finding("arrived", "ok", f"{everything} in {len(journals)} journals is in the storage.")
    if under_way:
        races = "A race is" if len(under_way) == 1 else f"{len(under_way)} races are"
        rows = sum(j.under_way for j in under_way)
        yield Finding("under way", "ok", f"{races} being written: {rows:,} rows are on their way.")
