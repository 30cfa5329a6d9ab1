"""Our tables on the server: rows, sizes, indexes, and whether the window's query has its index.

Rows are counted, by run, in the smallest tables that have up to :data:`COUNTED_ROWS` together: rows that somebody
deleted behind our back are then missed. Counting takes the server 0.1 s a million rows; a table beyond that is
estimated as its planner does, and only the runs that are asked for are counted.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from psycopg2 import sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from engine.words import plural
from persistence.checking.journals import Counted
from persistence.database.repositories.training import TrainingDataRepository, newest_query, window_query
from persistence.finding import Finding
from persistence.schema import JOURNALED, SCHEMA, metadata

COUNTED_ROWS = 2_000_000
FEW_ROWS = 10_000
"""A table so small is read faster as a whole; whether its index could serve is then asked with that forbidden."""
_WINDOW = 1000


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Rows by table (some estimated, see above), what was counted by run, and the lines of the report."""

    rows: Mapping[str, int]
    counted: Counted
    checks: tuple[Finding, ...]


def table_facts(cursor: Any, recent: Collection[str]) -> TableFacts:
    """Look at all tables; ``recent`` are the runs whose rows are counted also in a large table."""
    cursor.execute(_SIZES)
    sizes = {name: (int(size), int(estimate)) for name, size, estimate in cursor.fetchall()}
    rows: dict[str, int] = {}
    counted: dict[str, dict[str, int]] = {}
    small = _counted_tables({table: estimate for table, (_, estimate) in sizes.items()})
    for table in (each.name for each in metadata.sorted_tables):
        estimate = sizes[table][1]
        if table in JOURNALED:
            counted[table] = _by_run(cursor, table, None if table in small else recent)
        if table not in small:
            rows[table] = estimate
        else:
            rows[table] = sum(counted[table].values()) if table in JOURNALED else _count(cursor, table)
    everything = frozenset(table for table in JOURNALED if table in small)
    return TableFacts(
        rows,
        Counted(counted, everything, frozenset(recent)),
        (
            _all_tables_line(sizes, rows),
            *(
                Finding(
                    f"table {table}",
                    "ok",
                    f"{'' if table in small else 'about '}{n:,} rows, {_bytes(sizes[table][0])} with its indexes",
                )
                for table, n in rows.items()
            ),
            *_index_lines(cursor),
            _window_line(cursor, rows["training_data"]),
        ),
    )


def _counted_tables(estimates: Mapping[str, int]) -> set[str]:
    smallest_first = sorted(estimates, key=lambda table: estimates[table])
    together = accumulate(estimates[table] for table in smallest_first)
    return {table for table, rows in zip(smallest_first, together, strict=True) if rows <= COUNTED_ROWS}


def _all_tables_line(sizes: Mapping[str, tuple[int, int]], rows: Mapping[str, int]) -> Finding:
    size = sum(sizes[table][0] for table in rows)
    return Finding("tables", "ok", f"{len(rows)} with {sum(rows.values()):,} rows, {_bytes(size)}")


def _index_lines(cursor: Any) -> Iterator[Finding]:
    cursor.execute(_INDEXES)
    found = {name: (valid, int(size), int(scans)) for name, valid, size, scans in cursor.fetchall()}
    wanted = _wanted_indexes()
    lost = sorted(set(wanted) - set(found))
    broken = sorted(name for name in wanted if name in found and not found[name][0])
    if lost:
        repair = "; ".join(wanted[name] for name in lost)
        yield Finding("indexes", "fail", f"missing: {', '.join(lost)}", f"Somebody dropped them. Run: {repair}")
    elif broken:
        repair = "; ".join(f"REINDEX INDEX {SCHEMA}.{name}" for name in broken)
        yield Finding("indexes", "fail", f"not valid: {', '.join(broken)}", f"Run: {repair}")
    else:
        size = sum(found[name][1] for name in wanted)
        yield Finding("indexes", "ok", f"{len(wanted)}, none missing, all valid, {_bytes(size)}")
    for name, (valid, size, scans) in sorted(found.items()):
        if valid and name in wanted:
            used = f"used {plural(scans, 'time')}" if scans else "not used yet"
            yield Finding(f"index {name}", "ok", f"{_bytes(size)}, {used}")
        elif name not in wanted:
            detail = f"{_bytes(size)}, used {plural(scans, 'time')}; it is not SchedRace's"
            yield Finding(f"index {name}", "warn", detail, "Each index slows recording; drop it if nobody needs it.")


def _wanted_indexes() -> dict[str, str]:
    """Return the indexes of the schema, the natural keys among them, each with the statement that makes it."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    wanted = {
        str(index.name): str(CreateIndex(index).compile(dialect=dialect))
        for table in metadata.tables.values()
        for index in table.indexes
    }
    for table in metadata.tables.values():
        columns = ", ".join(column.name for column in table.primary_key.columns)
        wanted[f"{table.name}_pkey"] = f"ALTER TABLE {SCHEMA}.{table.name} ADD PRIMARY KEY ({columns})"
    return wanted


def _window_line(cursor: Any, rows: int) -> Finding:
    """Whether the queries that learning policies wait for go down an index: a run's window, and that over all runs.

    Where they do not, PostgreSQL may know too little of the table: nobody has analysed it for us in a server that lives
    no longer than a race. So that is done, and it is asked once more.
    """
    # the window of a learner: the latest samples; the whole table is rightly read for some of the oldest
    cursor.execute(
        "SELECT run, scheduler, completion FROM schedrace.training_data "
        "ORDER BY run DESC, scheduler DESC, sample DESC LIMIT 1"
    )
    run, scheduler, completion = cursor.fetchone() or ("", "", 0)
    queries = [window_query(run, scheduler, completion, _WINDOW)]
    if (kin := TrainingDataRepository(cursor).newest_kin()) is not None:
        queries.append(newest_query(kin, [], _WINDOW))
    if rows < FEW_ROWS:
        cursor.execute("SET LOCAL enable_seqscan = off")
    used = [_index_used(cursor, query) for query in queries]
    if not all(used):
        cursor.execute("ANALYZE schedrace.training_data")
        used = [_index_used(cursor, query) for query in queries]
    cursor.execute("SET LOCAL enable_seqscan = on")
    if all(used):
        return Finding("window query", "ok", f"it goes down {'; over all runs, down '.join(used)}")
    detail = "PostgreSQL reads the whole table training_data for it, also after an ANALYZE; the journal answers instead"
    return Finding("window query", "warn", detail)


def _index_used(cursor: Any, query: Any) -> str:
    """Return the index of training_data that serves a query, empty for none."""
    cursor.execute(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(query))
    plan = cursor.fetchone()[0]
    found = set(_indexes_of(plan[0]["Plan"] if isinstance(plan, list) else json.loads(plan)[0]["Plan"]))
    return ", ".join(sorted(name for name in found if name.startswith("training_data")))


def _indexes_of(plan: Mapping[str, Any]) -> Iterator[str]:
    if "Index Name" in plan:
        yield plan["Index Name"]
    for below in plan.get("Plans", ()):
        yield from _indexes_of(below)


def _count(cursor: Any, table: str) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(SCHEMA, table)))
    return int(cursor.fetchone()[0])


def _by_run(cursor: Any, table: str, runs: Collection[str] | None) -> dict[str, int]:
    """Count the rows of each run; of these runs only, unless they are None."""
    name = sql.Identifier(SCHEMA, table)
    if runs is None:
        cursor.execute(sql.SQL("SELECT run, count(*) FROM {} GROUP BY run").format(name))
    else:
        query = sql.SQL("SELECT run, count(*) FROM {} WHERE run = ANY(%s) GROUP BY run").format(name)
        cursor.execute(query, (list(runs),))
    return dict(cursor.fetchall())


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.0f} kB"


# what the planner believes: rows a page when it last looked, times the pages of today; 60 rows a page of a table that
# it has never looked at
_SIZES = """
    SELECT c.relname, pg_total_relation_size(c.oid),
           ceil(CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples / c.relpages ELSE 60 END
                * (pg_relation_size(c.oid) / current_setting('block_size')::int))
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'schedrace' AND c.relkind IN ('r', 'p')
"""
_INDEXES = """
    SELECT c.relname, i.indisvalid, pg_relation_size(c.oid), COALESCE(s.idx_scan, 0)
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = c.oid
     WHERE n.nspname = 'schedrace' AND c.relname NOT LIKE 'alembic%'
"""
