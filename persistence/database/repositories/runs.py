"""The SQL of ``runs`` and of what belongs to a run as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2 import sql

from persistence.database.repositories.bulk import as_dicts, count_rows
from persistence.errors import StorageError
from persistence.figures import RunOverview, summary_row
from persistence.run import RunHeader
from persistence.schema import SCHEMA
from persistence.storage import CLEANED_UP, RESULT


class RunRepository:
    """The runs, how far their journals have arrived, and their summaries."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def begin(self, header: RunHeader) -> dict[str, int] | None:
        """Add a run unless it is there; return its offsets, or None when it was cleaned up (indexes: primary keys).

        One that was interrupted is going on again: it is not known any more how it ends.
        """
        self._cursor.execute(
            """
            INSERT INTO schedrace.runs (run, started_at, status, app_version, workload, cluster, seed, tasks,
                                        schedulers, device_ids, models, feature_names, race_toml)
            VALUES (%s, %s, 'running', %s, %s, %s, %s, %s, %s::text[], %s::text[], %s::text[], %s::text[], %s)
            ON CONFLICT DO NOTHING
            """,
            (
                *(header.run, header.started_at, header.app_version, header.workload, header.cluster, header.seed),
                *(header.tasks, list(header.schedulers), list(header.device_ids), list(header.models)),
                *(list(header.feature_names), header.race_toml),
            ),
        )
        self._cursor.execute(
            "UPDATE schedrace.runs SET status = 'running', finished_at = NULL "
            "WHERE run = %s AND status = 'interrupted' AND purged_at IS NULL",
            (header.run,),
        )
        self._cursor.execute(
            "UPDATE schedrace.journal_progress SET byte_offset = 0 WHERE run = %s AND table_name = %s "
            "AND byte_offset = 1",
            (header.run, RESULT),
        )
        offsets = self.offsets(header.run).get(header.run, {})
        return None if CLEANED_UP in offsets else offsets

    def offsets(self, run: str | None = None) -> dict[str, dict[str, int]]:
        """Return byte offsets by run and table: of one run (indexes: primary keys), or of all, for which both tables
        are read as a whole, six small rows a run."""
        self._cursor.execute(
            """
            SELECT run, table_name, byte_offset FROM schedrace.journal_progress WHERE %(run)s IS NULL OR run = %(run)s
            UNION ALL
            SELECT run, %(cleaned_up)s, 1 FROM schedrace.runs
             WHERE purged_at IS NOT NULL AND (%(run)s IS NULL OR run = %(run)s)
            """,
            {"run": run, "cleaned_up": CLEANED_UP},
        )
        offsets: dict[str, dict[str, int]] = {}
        for name, table, offset in self._cursor.fetchall():
            offsets.setdefault(name, {})[table] = offset
        return offsets

    def offset(self, run: str, table: str) -> int:
        """Return up to which byte one table's journal has arrived (index: primary key)."""
        self._cursor.execute(
            "SELECT byte_offset FROM schedrace.journal_progress WHERE run = %s AND table_name = %s", (run, table)
        )
        row = self._cursor.fetchone()
        return int(row[0]) if row else 0

    def advance(self, run: str, table: str, offset: int) -> None:
        """Remember up to which byte a journal has arrived; it may be less than before, where a journal lost its end
        (index: primary key).

        Raises :class:`StorageError` for a run that was cleaned up: the transaction's rows must not stay. Who cleans up
        holds the run (:meth:`hold`), so either its rows are seen there, or this is seen here.
        """
        self._cursor.execute(
            """
            INSERT INTO schedrace.journal_progress (run, table_name, byte_offset)
            SELECT run, %s, %s FROM schedrace.runs WHERE run = %s AND purged_at IS NULL
            ON CONFLICT (run, table_name) DO UPDATE SET byte_offset = EXCLUDED.byte_offset
            """,
            (table, offset, run),
        )
        if not self._cursor.rowcount:
            raise StorageError(f"The run {run} was cleaned up, so nothing is added to it.")

    def finish(self, run: str, result: Mapping[str, Any] | None) -> None:
        """Store how a run ended, and its summaries; None: it was interrupted (indexes: primary keys)."""
        status, at, digest = "interrupted", datetime.now(UTC).isoformat(), None
        if result is not None:
            status, at, digest = result["status"], result["finished_at"], result["digest"]
        self._cursor.execute(
            "UPDATE schedrace.runs SET status = %s, finished_at = %s, digest = %s WHERE run = %s",
            (status, at, digest, run),
        )
        for row in result["schedulers"] if result is not None else ():
            self._summarise(run, row)
        self.advance(run, RESULT, 1 if result is None else 2)

    def latest(self, limit: int) -> list[RunOverview]:
        """Return the last runs, newest first (indexes: runs_started_at_idx, primary key of run_summary)."""
        self._cursor.execute(
            sql.SQL("{} WHERE purged_at IS NULL ORDER BY started_at DESC, run DESC LIMIT %s").format(_OVERVIEW),
            (limit,),
        )
        return [_overview(row) for row in as_dicts(self._cursor)]

    def overview(self, run: str) -> RunOverview | None:
        """Return one run, None where there is none or it was cleaned up (indexes: primary keys)."""
        self._cursor.execute(sql.SQL("{} WHERE purged_at IS NULL AND run = %s").format(_OVERVIEW), (run,))
        rows = as_dicts(self._cursor)
        return _overview(rows[0]) if rows else None

    def header(self, run: str) -> RunHeader | None:
        """Return what a run was started with, None where there is none or it was cleaned up (index: primary key)."""
        self._cursor.execute(
            """
            SELECT run, started_at, app_version, workload, cluster, seed, tasks, schedulers, device_ids, models,
                   feature_names, race_toml
              FROM schedrace.runs WHERE purged_at IS NULL AND run = %s
            """,
            (run,),
        )
        rows = as_dicts(self._cursor)
        if not rows:
            return None
        header: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in rows[0].items()}
        return RunHeader(**header)

    def known(self, runs: Sequence[str]) -> set[str]:
        """Return which of these runs have an entry, also when cleaned up (index: primary key)."""
        self._cursor.execute("SELECT run FROM schedrace.runs WHERE run = ANY (%s)", (list(runs),))
        return {row[0] for row in self._cursor.fetchall()}

    def summaries(self, run: str) -> list[dict[str, Any]]:
        """Return the results of a finished run by scheduler (index: primary key)."""
        self._cursor.execute("SELECT * FROM schedrace.run_summary WHERE run = %s ORDER BY scheduler", (run,))
        return as_dicts(self._cursor)

    def silent_for(self, run: str) -> timedelta:
        """Return for how long nothing was heard of a run, by the server's clock (indexes: primary keys)."""
        self._cursor.execute(
            """
            SELECT now() - GREATEST(r.started_at, s.updated_at)
              FROM schedrace.runs AS r LEFT JOIN schedrace.simulation_state AS s USING (run) WHERE run = %s
            """,
            (run,),
        )
        row = self._cursor.fetchone()
        return row[0] if row else timedelta(0)

    def may_delete(self) -> bool:
        """Return whether this role may delete what a clean-up deletes."""
        self._cursor.execute(
            "SELECT bool_and(has_table_privilege(format('schedrace.%%I', name), 'DELETE')) FROM unnest(%s) AS name",
            (list(DELETED),),
        )
        return bool(self._cursor.fetchone()[0])

    def user(self) -> str:
        """Return whom the server takes us for."""
        self._cursor.execute("SELECT current_user")
        return str(self._cursor.fetchone()[0])

    def hold(self, run: str) -> None:
        """Keep everybody from changing a run, and from adding rows to it, until the transaction ends (index: primary
        key)."""
        self._cursor.execute("SELECT 1 FROM schedrace.runs WHERE run = %s FOR UPDATE", (run,))

    def rows(self, run: str) -> dict[str, int]:
        """Return how many rows of a run each table holds (indexes: primary keys)."""
        return {table: count_rows(self._cursor, table, run) for table in DELETED}

    def purge(self, run: str) -> dict[str, int]:
        """Delete the rows of a run that is over, and return how many by table; its entry stays, so that a replay
        cannot bring them back (indexes: primary keys)."""
        self._cursor.execute("SET LOCAL statement_timeout = '60s'")  # ten million rows on a slow disk
        deleted = {}
        for table in DELETED:
            self._cursor.execute(sql.SQL("DELETE FROM {} WHERE run = %s").format(sql.Identifier(SCHEMA, table)), (run,))
            deleted[table] = int(self._cursor.rowcount)
        self._cursor.execute("UPDATE schedrace.runs SET purged_at = COALESCE(purged_at, now()) WHERE run = %s", (run,))
        return deleted

    def bring_back(self, run: str) -> None:
        """Let a run that was cleaned up be recorded again, from its first row on (indexes: primary keys)."""
        self._cursor.execute(
            "UPDATE schedrace.runs SET purged_at = NULL, status = 'running', finished_at = NULL "
            "WHERE run = %s AND purged_at IS NOT NULL",
            (run,),
        )
        if self._cursor.rowcount:
            self._cursor.execute("UPDATE schedrace.journal_progress SET byte_offset = 0 WHERE run = %s", (run,))

    def _summarise(self, run: str, row: Mapping[str, Any]) -> None:
        values = summary_row(run, row)
        columns = [sql.Identifier(name) for name in values]
        self._cursor.execute(
            sql.SQL(
                "INSERT INTO schedrace.run_summary ({}) VALUES ({}) ON CONFLICT (run, scheduler) DO UPDATE SET {}"
            ).format(
                sql.SQL(", ").join(columns),
                sql.SQL(", ").join(sql.Placeholder() * len(values)),
                sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(column) for column in columns),
            ),
            list(values.values()),
        )


def _overview(row: dict[str, Any]) -> RunOverview:
    lists = {name: tuple(row[name] or ()) for name in ("schedulers", "ranking", "mean_response_s")}
    return RunOverview(**{**row, **lists}, storage="database")


# when an interrupted run ended is not known: only when that was found
_OVERVIEW = sql.SQL(
    """
    SELECT run, started_at, CASE WHEN status <> 'interrupted' THEN finished_at END AS finished_at, status,
           app_version, workload, cluster, seed, tasks, schedulers, digest, ranking, mean_response_s
      FROM schedrace.runs AS r
           CROSS JOIN LATERAL (
               SELECT array_agg(s.scheduler ORDER BY s.mean_response_s, s.scheduler) AS ranking,
                      array_agg(s.mean_response_s ORDER BY s.mean_response_s, s.scheduler) AS mean_response_s
                 FROM schedrace.run_summary AS s
                WHERE s.run = r.run AND s.status = 'finished' AND s.mean_response_s IS NOT NULL
           ) AS means
    """
)
DELETED = ("scheduler_results", "training_data", "metrics", "tasks", "run_summary", "simulation_state")
"""What a clean-up deletes of a run. Its entry stays, and how far its journal had arrived: a few small rows."""
