"""The tables, in a schema of their own. Each index stands beside the query that it serves; there are no others.

The columns of a journal file are those of its table, in this order, without ``run`` (the folder is the run). Keys are
natural and compare bytewise (collation C), whatever the database's locale is. A change here needs a migration.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

SCHEMA = "schedrace"
SCHEMA_VERSION = "0002"
"""The newest migration: what this program reads and writes."""

metadata = MetaData(schema=SCHEMA)


def _key(name: str, *args: Any) -> Column[str]:
    return Column(name, Text(collation="C"), *args, primary_key=True, nullable=False)


def _run() -> Column[str]:
    # Every primary key below leads with run: it is the index of the cascade and of all reads of one run.
    # Checking this key for each row takes a third of the server's time: 8.4 instead of 5.5 us a row of
    # scheduler_results (its CPU time, PostgreSQL 18, batches of 20,000 rows, median of 7 alternated rounds). It stays:
    # without it rows of a run that is not in runs would be taken, where nobody finds them and no cascade removes them.
    return _key("run", ForeignKey(f"{SCHEMA}.runs.run", ondelete="CASCADE"))


def _needed(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _seconds(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


runs = Table(
    "runs",
    metadata,
    _key("run"),
    _needed("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    _needed("status", Text),  # running, finished, stopped, interrupted
    _needed("app_version", Text),
    _needed("workload", Text),
    _needed("cluster", Text),
    _needed("seed", BigInteger),
    _needed("tasks", BigInteger),
    _needed("schedulers", ARRAY(Text)),
    _needed("device_ids", ARRAY(Text)),
    _needed("models", ARRAY(Text)),
    _needed("feature_names", ARRAY(Text)),
    _needed("race_toml", Text),
    Column("digest", Text),
    Column("purged_at", DateTime(timezone=True)),  # cleaned up: its journal must not bring the rows back
    CheckConstraint("status IN ('running', 'finished', 'stopped', 'interrupted')", name="runs_status_check"),
    CheckConstraint("tasks > 0", name="runs_tasks_check"),
    Index("runs_started_at_idx", "started_at"),  # RunRepository.latest: the list of runs, newest first
)

tasks = Table(
    "tasks",
    metadata,
    _run(),
    Column("task", BigInteger, primary_key=True, autoincrement=False),  # TaskRepository.of_run
    _seconds("arrival_s"),
    Column("name", Text),
    Column("submitted_by", Text),
    _seconds("memory_gb"),
    _seconds("transfer_gb"),
    _needed("slots", Integer),
    _needed("divisible", Boolean),
    Column("deadline_s", Double),
    _needed("nominal_s", ARRAY(Double)),
    _needed("features", ARRAY(Double)),
    _needed("parents", ARRAY(BigInteger)),
    _needed("created_at", DateTime(timezone=True)),
)

scheduler_results = Table(
    "scheduler_results",
    metadata,
    _run(),
    _key("scheduler"),
    Column("task", BigInteger, primary_key=True, autoincrement=False),  # SchedulerResultRepository.statistics
    _seconds("arrival_s"),
    _seconds("start_s"),
    _seconds("finish_s"),
    _needed("placement", Text),
    _needed("gpu_fraction", Double),
    _needed("energy_j", Double),
    _needed("cost", Double),
    _needed("created_at", DateTime(timezone=True)),
    CheckConstraint("start_s >= arrival_s AND finish_s >= start_s", name="scheduler_results_times_check"),
)

training_data = Table(
    "training_data",
    metadata,
    _run(),
    _key("scheduler"),
    Column("sample", BigInteger, primary_key=True, autoincrement=False),  # TrainingDataRepository.latest, backwards
    _needed("completion", BigInteger),
    _needed("task", BigInteger),
    _needed("model", SmallInteger),
    _needed("fraction", Double),
    _seconds("nominal_s"),
    _seconds("work_s"),
    _needed("features", ARRAY(Double)),
    _needed("created_at", DateTime(timezone=True)),
    CheckConstraint("fraction > 0 AND work_s > 0", name="training_data_share_check"),
    # TrainingDataRepository.newest: the window over all runs; 0.4 of the 9.5 us that a sample takes the server (its CPU
    # time, PostgreSQL 18, batches of 1000, median of 5 alternated rounds)
    Index("training_data_created_at_idx", "created_at"),
)

metrics = Table(
    "metrics",
    metadata,
    _run(),
    _key("scheduler"),
    _key("name"),
    Column("sample", BigInteger, primary_key=True, autoincrement=False),  # SimulationDataService.get_metric
    _seconds("at_s"),
    _needed("value", Double),
    _needed("created_at", DateTime(timezone=True)),
)

run_summary = Table(
    "run_summary",
    metadata,
    _run(),
    _key("scheduler"),
    _needed("status", Text),
    Column("reason", Text),
    _needed("tasks", BigInteger),
    *(
        Column(name, Double)
        for name in (
            "makespan_s",
            "mean_response_s",
            "p50_response_s",
            "p95_response_s",
            "p99_response_s",
            "mean_wait_s",
            "mean_bounded_slowdown",
            "throughput_per_s",
            "utilisation_cpu",
            "utilisation_gpu",
            "energy_j",
            "cost",
            "jain",
            "regret",
        )
    ),
    Column("digest", Text),
)

# One row a race, where it stands; runs.status says whether it is over (SimulationStateRepository).
simulation_state = Table(
    "simulation_state",
    metadata,
    _run(),
    _needed("step", BigInteger),
    _seconds("clock_s"),
    _needed("updated_at", DateTime(timezone=True)),
)

journal_progress = Table(
    "journal_progress",
    metadata,
    _run(),
    _key("table_name"),
    _needed("byte_offset", BigInteger),
    CheckConstraint("byte_offset >= 0", name="journal_progress_offset_check"),
)

JOURNALED: dict[str, Table] = {t.name: t for t in (tasks, scheduler_results, training_data, metrics)}
"""The tables that have a journal file, in the order in which they are shipped."""


def journal_columns(table: str) -> list[str]:
    """Return the columns of a table's journal file, in order."""
    return [c.name for c in JOURNALED[table].columns if c.name != "run"]


def header_line(table: str) -> bytes:
    """Return the first line of a table's journal file: the names of its columns."""
    return (",".join(journal_columns(table)) + "\n").encode()
