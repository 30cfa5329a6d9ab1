"""All rows of a run, read from the database and from the journal: the same values, and the journal's own bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from engine.errors import InputError
from persistence.archive import RunArchive
from persistence.database.archive import DatabaseArchive
from persistence.database.opening import Database, open_database
from persistence.errors import JournalError
from persistence.journal.archive import JournalArchive
from persistence.journal.reader import JournalReader
from persistence.journal.typed import BadRows, lines_of, typed_rows, typed_schema
from persistence.schema import JOURNALED
from persistence.settings import StorageSettings
from tests.persistence.races import record_race

TASK = b'0,0.5,"a, ""b""",,0.5,0,1,true,,"{0.1,inf}","{}","{3,4}","2026-11-26 11:53:20.291349+00"\n'


@pytest.fixture
def database(settings: StorageSettings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.engine.dispose()


def lines(archive: RunArchive, run: str) -> dict[str, list[bytes]]:
    """Return the lines of a run's tables, sorted."""
    found: dict[str, list[bytes]] = {table: [] for table in JOURNALED}
    for table, rows in archive.rows(run):
        assert rows.schema == typed_schema(table)
        found[table] += lines_of(table, rows).splitlines()
    return {table: sorted(rows) for table, rows in found.items()}


@pytest.mark.parametrize("cut", [False, True])
def test_database_and_journal_hold_the_same_rows_and_the_journal_its_own_bytes(
    database: Database, settings: StorageSettings, cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.database.archive.BLOCK_ROWS", 7)  # blocks that end anywhere
    monkeypatch.setattr("persistence.journal.archive.BLOCK_BYTES", 900)
    run = record_race(settings, schedulers=("mct", "mct+forest", "random"), cut=cut)
    journal = JournalReader(settings.runs_dir / run)
    written = {table: sorted(journal.path(table).read_bytes().splitlines()[1:]) for table in JOURNALED}
    assert len(written["scheduler_results"]) == 180 and len(written["training_data"]) > 60
    assert lines(JournalArchive(settings.runs_dir), run) == written
    assert lines(DatabaseArchive(database), run) == written
    counts = {table: len(rows) for table, rows in written.items()}
    assert DatabaseArchive(database).row_counts(run) == JournalArchive(settings.runs_dir).row_counts(run) == counts


def test_the_result_of_the_database_is_that_of_the_journal_as_far_as_it_goes(
    database: Database, settings: StorageSettings
) -> None:
    run = record_race(settings)
    of_journal = JournalArchive(settings.runs_dir).result(run)
    of_database = DatabaseArchive(database).result(run)
    assert of_journal is not None and of_database is not None
    for name, value in of_database.items():
        if name != "schedulers":
            assert value == of_journal[name]
    for known, whole in zip(of_database["schedulers"], of_journal["schedulers"], strict=True):
        assert known.items() <= whole.items() and "mean_response_s" in known and known["utilisation"]["gpu"]
    cut = record_race(settings, cut=True)
    assert DatabaseArchive(database).result(cut) is JournalArchive(settings.runs_dir).result(cut) is None


def test_rows_are_those_of_one_moment(
    database: Database, settings: StorageSettings, execute: Callable[..., object]
) -> None:
    run = record_race(settings)
    rows = DatabaseArchive(database).rows(run)
    next(rows)
    execute("DELETE FROM schedrace.scheduler_results", settings.url.replace("+psycopg2", ""))
    assert sum(len(block) for table, block in rows if table == "scheduler_results") == 180


def test_a_journal_that_is_written_is_read_up_to_its_last_whole_line(settings: StorageSettings) -> None:
    run = record_race(replace(settings, kind="csv"), cut=True)
    with (settings.runs_dir / run / "scheduler_results.csv").open("ab") as file:
        file.write(b'"mct",61,0.5')
    rows = [len(block) for table, block in JournalArchive(settings.runs_dir).rows(run) if table == "scheduler_results"]
    assert sum(rows) == 180


def test_a_damaged_journal_is_named(settings: StorageSettings) -> None:
    run = record_race(replace(settings, kind="csv"))
    with (settings.runs_dir / run / "scheduler_results.csv").open("ab") as file:
        file.write(b"\0\xff\n")
    with pytest.raises(JournalError, match=r"scheduler_results\.csv is damaged between the bytes"):
        list(JournalArchive(settings.runs_dir).rows(run))


def test_a_run_that_is_not_there_has_no_rows(database: Database, settings: StorageSettings) -> None:
    for archive in (DatabaseArchive(database), JournalArchive(settings.runs_dir)):
        with pytest.raises(InputError, match="There is no run 'nowhere'"):
            next(archive.rows("nowhere"))


def test_lines_become_typed_columns_and_the_same_lines_again() -> None:
    rows = typed_rows("tasks", TASK)
    (row,) = rows.to_pylist()
    assert (row["name"], row["submitted_by"], row["deadline_s"]) == ('a, "b"', None, None)
    assert (row["nominal_s"], row["features"], row["parents"]) == ([0.1, float("inf")], [], [3, 4])
    assert row["created_at"].isoformat() == "2026-11-26T11:53:20.291349+00:00"
    assert rows.schema.field("nominal_s").type == pa.list_(pa.float64())
    assert lines_of("tasks", rows) == TASK
    as_postgresql_writes = TASK.replace(b"true", b"t").replace(b"inf", b"Infinity").replace(b'"{}"', b"{}")
    assert lines_of("tasks", typed_rows("tasks", as_postgresql_writes)) == TASK


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"0,0.5", b"0,x", "invalid value 'x'"),
        (b"0,0.5", b",0.5", "task is empty"),
        (b"{0.1,inf}", b"{0.1,,2}", "nominal_s is no list"),
        (b"{0.1,inf}", b"0.1,inf", "nominal_s is no list"),
        (b"{3,4}", b"{3.5}", "parents is no list"),
        (b"+00", b"", "zone offset"),
        (b"0.5,0,1", b"0.5,0,99999999999", "int32"),
        (b",,0.5", b",0.5", "Expected 13 columns, got 12"),
        (b"0,0.5", b"\xff\0,0.5", "int64"),
    ],
)
def test_what_is_no_row_is_named_with_its_place(old: bytes, new: bytes, reason: str) -> None:
    assert TASK.count(old) == 1
    with pytest.raises(BadRows, match=reason) as raised:
        typed_rows("tasks", TASK + TASK.replace(old, new))
    assert raised.value.row in (1, None) and raised.value.reason.isprintable()


def test_two_rows_in_one_line_are_none() -> None:
    with pytest.raises(BadRows, match="one line"):
        typed_rows("tasks", TASK[:-1] + b"\r" + TASK)
