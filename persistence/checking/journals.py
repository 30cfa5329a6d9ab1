"""Whether the journals of the data folder have arrived in the storage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.words import plural
from persistence.errors import JournalError
from persistence.finding import Finding
from persistence.journal.reader import JournalReader
from persistence.recording.shipping import has_arrived, journal_folders
from persistence.recording.wanted_again import believed
from persistence.schema import JOURNALED
from persistence.storage import CLEANED_UP, Storage

RECENT_BYTES = 150_000_000
"""About a million rows: so much of the newest journals is counted in the database whatever its size."""


@dataclass(frozen=True, slots=True)
class JournalRows:
    """What a journal holds: rows and refused rows by table. ``problem``: why it cannot be read, else empty."""

    reader: JournalReader
    rows: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    @property
    def run(self) -> str:
        """The run that it belongs to."""
        return self.reader.run


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows that a database holds, by table and run: of every run for the tables ``whole``, else of ``runs`` only."""

    rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()

    def of(self, table: str, run: str) -> int | None:
        """Return how many rows of a run a table holds; None when they were not counted."""
        return self.rows[table].get(run, 0) if table in self.whole or run in self.runs else None


Stored = Callable[[JournalRows], int | None]
"""How many rows of a journal the storage holds; None while it does not say."""
Offsets = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """One run's journal (all tables together): rows in it, in the storage, missing there, set aside.

    Rows of a journal that somebody is writing are not missing but ``under_way``: its writer ships them. Rows are
    ``unknown`` while the storage does not answer: neither in it nor missing, as far as anybody can say.
    """

    run: str
    rows: int
    in_database: int
    missing: int
    rejected: int
    under_way: int = 0
    unknown: int = 0


def written_journals(storage: Storage) -> frozenset[str]:
    """Return the runs whose journals somebody is writing or shipping now."""
    return frozenset(reader.run for reader in journal_folders(storage) if _is_written(reader))


def recent_runs(storage: Storage) -> list[str]:
    """Return the newest runs whose journals hold :data:`RECENT_BYTES` together."""
    left, runs = RECENT_BYTES, []
    for reader in reversed(journal_folders(storage)):
        left -= sum(reader.sizes().values())
        if left < 0:
            break
        runs.append(reader.run)
    return runs


def count_journals(storage: Storage) -> list[JournalRows]:
    """Count the rows of every journal: 0.07 s a million of them (measured)."""
    return [_counted(reader) for reader in journal_folders(storage)]


def check_journals(
    journals: Sequence[JournalRows], stored: Stored, written: Collection[str]
) -> tuple[tuple[JournalCheck, ...], list[Finding]]:
    """Compare every journal with what the storage holds of it.

    ``written`` are the :func:`written_journals` from before the storage was asked: a race may have ended since.
    """
    readable = [journal for journal in journals if not journal.problem]
    checked = tuple(_check(journal, stored(journal), journal.run in written) for journal in readable)
    checks = [
        Finding(f"journal {journal.run}", "fail", journal.problem, "Look into that folder.")
        for journal in journals
        if journal.problem
    ]
    return checked, [*checks, *_arrived_lines(checked), *_rejected_line(readable)]


def all_rows(journal: JournalRows) -> int:
    """Return the rows of a journal that is the storage itself."""
    return sum(journal.rows.values())


def not_known(journal: JournalRows) -> None:
    """Answer for a storage that does not."""


def rows_before(offsets: Offsets) -> Stored:
    """Return how to count rows by a storage's own account of how far each journal has arrived."""
    return lambda journal: sum(_before(journal, table, offsets) for table in journal.rows)


def rows_counted(counted: Counted, offsets: Offsets) -> Stored:
    """Return how to count rows by what was counted in the database, and by its account where nothing was."""

    def of_table(journal: JournalRows, table: str) -> int:
        rows = counted.of(table, journal.run)
        return _before(journal, table, offsets) if rows is None else rows

    def stored(journal: JournalRows) -> int:
        if CLEANED_UP in believed(journal.reader, offsets.get(journal.run, {})):
            return all_rows(journal) - sum(journal.rejected.values())  # they are gone because somebody wanted it
        return sum(of_table(journal, table) for table in journal.rows)

    return stored


def ends_line(storage: Storage, offsets: Offsets, written: Collection[str]) -> Finding:
    """Whether a storage knows how every run that nobody writes any more has ended (``written``: as above)."""
    over = [reader for reader in journal_folders(storage) if reader.run not in written and not reader.is_written()]
    unknown = [reader.run for reader in over if not has_arrived(reader, offsets.get(reader.run, {}))]
    if unknown:
        detail = (
            f"The storage does not hold all of {plural(len(unknown), 'run')} that ended, or not how: {unknown[-1]}."
        )
        return Finding("runs", "fail", detail, f"See offsets() and finish() of the storage '{storage.kind}'.")
    return Finding("runs", "ok", f"{len(over)} are over, and the storage knows how each has ended")


def _counted(reader: JournalReader) -> JournalRows:
    try:
        rows = {table: reader.rows(table) for table in JOURNALED}
        return JournalRows(reader, rows, {table: reader.rejected(table) for table in JOURNALED})
    except JournalError as error:
        return JournalRows(reader, problem=str(error))


def _before(journal: JournalRows, table: str, offsets: Offsets) -> int:
    """Return how many rows of a table have arrived by the storage's offset of it."""
    reached = believed(journal.reader, offsets.get(journal.run, {}))
    end = reached.get(table, 0)
    if CLEANED_UP in reached or end >= journal.reader.sizes().get(table, 0):
        rows = journal.rows[table]
    else:
        rows = journal.reader.rows(table, end)
    return max(0, rows - journal.rejected[table])


def _check(journal: JournalRows, stored: int | None, written: bool) -> JournalCheck:
    rows, rejected = all_rows(journal), sum(journal.rejected.values())
    if stored is None:
        return JournalCheck(journal.run, rows, 0, 0, rejected, unknown=max(0, rows - rejected))
    # of a race that goes on more may have arrived since its rows were counted
    stored = min(stored, rows - rejected) if written else stored
    behind = max(0, rows - stored - rejected)
    # one that was not written before may be by now: a race that has just begun
    under_way = behind if behind and (written or _is_written(journal.reader)) else 0
    return JournalCheck(journal.run, rows, stored, behind - under_way, rejected, under_way)


def _is_written(reader: JournalReader) -> bool:
    try:
        return reader.is_written()
    except JournalError:
        return False  # a folder that nobody can write; where it matters, check_journals says what is wrong with it


def _arrived_lines(journals: Sequence[JournalCheck]) -> Iterator[Finding]:
    missing = [j for j in journals if j.missing]
    under_way = [j for j in journals if j.under_way]
    unknown = [j for j in journals if j.unknown]
    if unknown:
        rows = sum(j.unknown for j in unknown)
        detail = (
            f"Which of the {rows:,} rows of {plural(len(unknown), 'journal')} have arrived is not known while the "
            "storage does not answer; the journals keep all of them."
        )
        advice = "Mend what the other lines say. What has not arrived is brought in by: schedrace import-runs"
        yield Finding("arrived", "fail", detail, advice)
    elif missing:
        detail = (
            f"Not in the storage yet: {plural(sum(j.missing for j in missing), 'row')} of "
            f"{plural(len(missing), 'journal')}."
        )
        advice = "A race or the window brings them in while it answers, and so does: schedrace import-runs"
        yield Finding("arrived", "fail", detail, advice)
    else:
        everything = "Everything else" if under_way else "Everything"
        yield Finding("arrived", "ok", f"{everything} in {plural(len(journals), 'journal')} is in the storage.")
    if under_way:
        races = "A race is" if len(under_way) == 1 else f"{len(under_way)} races are"
        rows = sum(j.under_way for j in under_way)
        yield Finding("under way", "ok", f"{races} being written: {rows:,} rows are on their way.")


def _rejected_line(journals: Sequence[JournalRows]) -> Iterator[Finding]:
    files = [
        journal.reader.rejected_path(table) for journal in journals for table, rows in journal.rejected.items() if rows
    ]
    if files:
        rows = sum(sum(journal.rejected.values()) for journal in journals)
        detail = (
            f"Refused by the storage as data: {plural(rows, 'row')} of {plural(len(files), 'file')}; the last: "
            f"{files[-1]}"
        )
        yield Finding("rejected", "warn", detail, "Each row there ends with the reason; nothing else waits for them.")
