"""What a connected PostgreSQL says about itself, about this connection and about our runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from persistence.again import asked_again
from persistence.checking.connection import connection_lines
from persistence.checking.journals import Counted, Offsets
from persistence.checking.tables import table_facts
from persistence.database.opening import Database
from persistence.database.repositories import RunRepository
from persistence.database.state import SimulationStateRepository
from persistence.finding import Finding
from persistence.schema import SCHEMA_VERSION

_CLOCK_S = 5.0


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Versions, rows by table, what was counted by run, how far journals have arrived, and the lines of the report."""

    version: str
    schema: str
    rows: Mapping[str, int]
    counted: Counted
    offsets: Offsets
    checks: tuple[Finding, ...]


@asked_again
def server_facts(database: Database, recent: Collection[str]) -> ServerFacts:
    """Ask the server; ``recent`` as for :func:`persistence.checking.tables.table_facts`.

    Raises :class:`persistence.errors.StorageError` when it does not answer.
    """
    connection = database.connect()
    try:
        with database.transaction(connection, limit_s=15.0) as cursor:
            return _facts(cursor, database, recent)
    finally:
        connection.invalidate()  # as in Database.session


def _facts(cursor: Any, database: Database, recent: Collection[str]) -> ServerFacts:
    cursor.execute(_ABOUT)
    about = dict(zip([c.name for c in cursor.description], cursor.fetchone(), strict=True))
    clock = _clock_line(about["clock"])
    cursor.execute("SELECT version_num FROM schedrace.alembic_version")
    schema = cursor.fetchone()[0]
    tables = table_facts(cursor, recent)
    checks = (
        Finding("server", "ok", f"PostgreSQL {about['version']}, database {about['database']}, {about['size']}"),
        *connection_lines(cursor, own=database.own),
        clock,
        _encoding_line(about["encoding"]),
        _schema_line(schema),
        *tables.checks,
        *_runs_lines(cursor, recent),
        _write_line(cursor),
    )
    offsets = RunRepository(cursor).offsets()
    return ServerFacts(about["version"].split()[0], schema, tables.rows, tables.counted, offsets, checks)


def _clock_line(clock: datetime) -> Finding:
    difference_s = abs((datetime.now(UTC) - clock).total_seconds())
    detail = f"{difference_s:.1f} s apart"
    if difference_s > _CLOCK_S:
        return Finding("clock", "warn", detail, "Let both machines keep their time by NTP.")
    return Finding("clock", "ok", detail)


def _encoding_line(encoding: str) -> Finding:
    if encoding == "UTF8":
        return Finding("encoding", "ok", encoding)
    detail = f"{encoding}: names of tasks or policies with other signs are refused there"
    return Finding("encoding", "warn", detail, "Use a database that was made with ENCODING 'UTF8'.")


def _schema_line(schema: str) -> Finding:
    # an older one has been migrated on connecting, a newer one has been refused
    return Finding("schema", "ok", f"{schema} (this program: {SCHEMA_VERSION})")


def _runs_lines(cursor: Any, here: Collection[str]) -> Iterator[Finding]:
    """The last run, and those that were killed or whose machine went down; one that is going on is none of them."""
    cursor.execute("SELECT run, status FROM schedrace.runs ORDER BY started_at DESC LIMIT 1")
    row = cursor.fetchone()
    yield Finding("last run", "ok", f"{row[0]} ({row[1]})" if row else "none yet")
    found = SimulationStateRepository(cursor).cut()
    if not found.cut:
        yield Finding("cut runs", "ok", "none")
        return
    where = "" if found.step is None else f", with {found.step:,} tasks finished at {found.clock_s:,.1f} s"
    detail = f"{found.cut} of {found.runs} before their end; the last: {found.last}{where}"
    advice = f"To finish it: schedrace race --resume {found.last}" if found.last in here else ""
    yield Finding("cut runs", "ok", detail, advice)


def _write_line(cursor: Any) -> Finding:
    """A row that is rolled back; an error ends the check as the sentence that it is."""
    cursor.execute("SAVEPOINT write_test")
    cursor.execute(
        "INSERT INTO schedrace.runs (run, started_at, status, app_version, workload, cluster, seed, tasks, schedulers, "
        "device_ids, models, feature_names, race_toml) "
        "VALUES ('write test', now(), 'running', '', '', '', 0, 1, '{}', '{}', '{}', '{}', '')"
    )
    cursor.execute("ROLLBACK TO SAVEPOINT write_test")
    return Finding("write test", "ok", "a row was written and rolled back")


_ABOUT = """
    SELECT current_setting('server_version') AS version, current_database() AS database,
           pg_size_pretty(pg_database_size(current_database())) AS size, clock_timestamp() AS clock,
           current_setting('server_encoding') AS encoding
"""
