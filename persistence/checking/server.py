"""What a connected PostgreSQL says about itself and our tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg2 import sql

from persistence.database.opening import Database
from persistence.database.state import SimulationStateRepository
from persistence.finding import Finding
from persistence.schema import JOURNALED, SCHEMA, SCHEMA_VERSION, metadata

_CLOCK_S = 5.0


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Versions, rows by table, rows by run (all tables that have journals), and the lines of the report."""

    version: str
    schema: str | None
    rows: Mapping[str, int]
    rows_of_run: Mapping[str, int]
    checks: tuple[Finding, ...]


def server_facts(database: Database) -> ServerFacts:
    """Ask the server; raises :class:`persistence.errors.StorageError` when it does not answer."""
    connection = database.connect()
    try:
        with database.transaction(connection, limit_s=15.0) as cursor:
            return _facts(cursor)
    finally:
        connection.close()


def _facts(cursor: Any) -> ServerFacts:
    cursor.execute(_ABOUT)
    about = dict(zip([c.name for c in cursor.description], cursor.fetchone(), strict=True))
    clock = _clock_line(about["clock"])
    cursor.execute("SELECT version_num FROM schedrace.alembic_version")
    schema = cursor.fetchone()[0]
    rows_of_run = _rows_of_run(cursor)
    rows = {table: _count(cursor, table) for table in (t.name for t in metadata.sorted_tables)}
    checks = (
        Finding("server", "ok", f"PostgreSQL {about['version']}, database {about['database']}, {about['size']}"),
        _user_line(about),
        clock,
        _schema_line(schema),
        Finding("tables", "ok", ", ".join(f"{name} {n}" for name, n in rows.items())),
        _index_line(cursor),
        _last_run_line(cursor),
        _cut_runs_line(cursor),
        _write_line(cursor),
    )
    return ServerFacts(about["version"].split()[0], schema, rows, rows_of_run, checks)


def _user_line(about: dict[str, Any]) -> Finding:
    detail = f"{about['user_name']}, {'encrypted' if about['tls'] else 'not encrypted'}"
    if about["superuser"] and about["address"] is not None:
        return Finding("user", "warn", f"{detail}, a superuser", "Give SchedRace a role of its own.")
    return Finding("user", "ok", detail)


def _clock_line(clock: datetime) -> Finding:
    difference_s = abs((datetime.now(UTC) - clock).total_seconds())
    detail = f"{difference_s:.1f} s apart"
    if difference_s > _CLOCK_S:
        return Finding("clock", "warn", detail, "Let both machines keep their time by NTP.")
    return Finding("clock", "ok", detail)


def _schema_line(schema: str) -> Finding:
    # an older one has been migrated on connecting, a newer one has been refused
    return Finding("schema", "ok", f"{schema} (this program: {SCHEMA_VERSION})")


def _index_line(cursor: Any) -> Finding:
    cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'schedrace'")
    present = {row[0] for row in cursor.fetchall()}
    wanted = {str(index.name) for table in metadata.tables.values() for index in table.indexes}
    wanted |= {f"{table.name}_pkey" for table in metadata.tables.values()}
    lost = sorted(wanted - present)
    if lost:
        return Finding("indexes", "fail", f"missing: {', '.join(lost)}", "Somebody dropped them; create them again.")
    return Finding("indexes", "ok", f"{len(present)}, none missing")


def _last_run_line(cursor: Any) -> Finding:
    cursor.execute("SELECT run, status FROM schedrace.runs ORDER BY started_at DESC LIMIT 1")
    row = cursor.fetchone()
    return Finding("last run", "ok", f"{row[0]} ({row[1]})" if row else "none yet")


def _cut_runs_line(cursor: Any) -> Finding:
    """Runs that were killed, or whose machine went down; one that is going on, here or elsewhere, is none."""
    found = SimulationStateRepository(cursor).cut()
    if not found.cut:
        return Finding("cut runs", "ok", "none")
    where = "" if found.step is None else f", with {found.step:,} tasks finished at {found.clock_s:,.1f} s"
    return Finding("cut runs", "ok", f"{found.cut} of {found.runs} before their end; the last: {found.last}{where}")


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


def _count(cursor: Any, table: str) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(SCHEMA, table)))
    return int(cursor.fetchone()[0])


def _rows_of_run(cursor: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in JOURNALED:
        cursor.execute(sql.SQL("SELECT run, count(*) FROM {} GROUP BY run").format(sql.Identifier(SCHEMA, table)))
        for run, n in cursor.fetchall():
            total[run] = total.get(run, 0) + n
    return total


_ABOUT = """
    SELECT current_setting('server_version') AS version, current_database() AS database, current_user AS user_name,
           pg_size_pretty(pg_database_size(current_database())) AS size, clock_timestamp() AS clock,
           COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls,
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser, inet_server_addr() AS address
"""
