"""A database with a million rows in each big table: what plans and times of queries are looked at on."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg2

from persistence.database.opening import open_database
from persistence.schema import JOURNALED
from persistence.settings import StorageSettings

SCHEDULERS = ("greedy", "hybrid_ml", "mct", "oracle", "random")


@dataclass(frozen=True, slots=True)
class Grid:
    """``runs`` runs of five schedulers on ``tasks`` tasks each."""

    runs: int
    tasks: int

    @property
    def names(self) -> list[str]:
        """The runs, oldest first."""
        return [f"20260101-000000-{number:06x}" for number in range(self.runs)]


def fill(settings: StorageSettings, grid: Grid) -> None:
    """Fill results, samples, metrics, tasks and summaries of finished runs."""
    assert settings.url is not None
    open_database(settings).engine.dispose()
    connection = psycopg2.connect(settings.url.replace("+psycopg2", ""))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")  # a million look-ups of known runs take long
            cursor.execute("SET maintenance_work_mem = '256MB'")
            for table in JOURNALED:  # indexes over full tables are built faster than row by row
                cursor.execute(f"ALTER TABLE schedrace.{table} DROP CONSTRAINT {table}_pkey")
            cursor.execute("DROP INDEX schedrace.training_data_created_at_idx")
            for statement in _FILL:
                cursor.execute(statement, {"runs": grid.runs, "tasks": grid.tasks, "schedulers": list(SCHEDULERS)})
            for table in JOURNALED.values():
                key = ", ".join(column.name for column in table.primary_key)
                cursor.execute(f"ALTER TABLE schedrace.{table.name} ADD PRIMARY KEY ({key})")
            cursor.execute("CREATE INDEX training_data_created_at_idx ON schedrace.training_data (created_at)")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    finally:
        connection.close()


_RUN = "'20260101-000000-' || lpad(to_hex(r), 6, '0')"
_FILL = (
    f"""
    INSERT INTO schedrace.runs (run, started_at, finished_at, status, app_version, workload, cluster, seed, tasks,
                                schedulers, device_ids, models, feature_names, race_toml, digest)
    SELECT {_RUN}, timestamptz '2026-01-01' + r * interval '1 hour', timestamptz '2026-01-01' + r * interval '1 hour',
           'finished', '0.1.0', 'synthetic', 'default', r, %(tasks)s, %(schedulers)s, '{{cpu-0,gpu-0}}', '{{cpu,gpu}}',
           '{{size}}', '', 'digest'
      FROM generate_series(0, %(runs)s - 1) AS r
    """,
    f"""
    INSERT INTO schedrace.tasks
    SELECT {_RUN}, t, t * 0.5, NULL, NULL, 1, 0, 1, false, NULL, '{{1,2}}', '{{0.5}}', '{{}}', now()
      FROM generate_series(0, %(runs)s - 1) AS r, generate_series(0, %(tasks)s - 1) AS t
    """,
    f"""
    INSERT INTO schedrace.scheduler_results
    SELECT {_RUN}, s, t, t * 0.5, t * 0.5 + w, t * 0.5 + w + 1, 'cpu-0=1', 0, 10, 0.01, now()
      FROM generate_series(0, %(runs)s - 1) AS r, unnest(%(schedulers)s) AS s,
           LATERAL (SELECT t, random() * 10 AS w FROM generate_series(0, %(tasks)s - 1) AS t OFFSET 0 * length(s)) AS of
    """,
    f"""
    INSERT INTO schedrace.training_data
    SELECT {_RUN}, s, t, t, t - 1, 0, 1, 1, 1, '{{0.5}}',
           timestamptz '2026-01-01' + r * interval '1 hour' + t / 50 * interval '1 ms'  -- one time a batch
      FROM generate_series(0, %(runs)s - 1) AS r, unnest(%(schedulers)s) AS s, generate_series(1, %(tasks)s) AS t
    """,
    f"""
    INSERT INTO schedrace.metrics
    SELECT {_RUN}, s, name, i, i, i, now()
      FROM generate_series(0, %(runs)s - 1) AS r, unnest(%(schedulers)s) AS s,
           (VALUES ('backlog'), ('energy_j')) AS names (name), generate_series(0, %(tasks)s / 2 - 1) AS i
    """,
    """
    INSERT INTO schedrace.run_summary (run, scheduler, status, tasks, mean_response_s, p50_response_s,
                                       p95_response_s, p99_response_s, mean_wait_s, energy_j, cost)
    SELECT run, scheduler, 'finished', count(*), avg(finish_s - arrival_s), 6, 10, 11, 5, 1000, 1
      FROM schedrace.scheduler_results GROUP BY run, scheduler
    """,
)
