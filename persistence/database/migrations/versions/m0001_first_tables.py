"""The first tables: runs, what was raced, what came out, what learners saw, and how far each journal has arrived."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import SchemaItem

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "schedrace"
KEY = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)


def _needed(*columns: tuple[str, Any]) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name, kind in columns]


def _of_run(table: str, keys: list[tuple[str, Any]], *rest: SchemaItem) -> None:
    op.create_table(
        table,
        *_needed(("run", KEY), *keys),
        *rest,
        sa.PrimaryKeyConstraint("run", *(name for name, _ in keys)),
        sa.ForeignKeyConstraint(["run"], [f"{SCHEMA}.runs.run"], ondelete="CASCADE"),
        schema=SCHEMA,
    )


def upgrade() -> None:
    """Create the tables."""
    _create_runs()
    _of_run(
        "tasks",
        [("task", sa.BigInteger)],
        *_needed(("arrival_s", sa.Double)),
        sa.Column("name", sa.Text),
        sa.Column("submitted_by", sa.Text),
        *_needed(
            ("memory_gb", sa.Double), ("transfer_gb", sa.Double), ("slots", sa.Integer), ("divisible", sa.Boolean)
        ),
        sa.Column("deadline_s", sa.Double),
        *_needed(("nominal_s", ARRAY(sa.Double)), ("features", ARRAY(sa.Double)), ("parents", ARRAY(sa.BigInteger))),
        *_needed(("created_at", TIME)),
    )
    _of_run(
        "scheduler_results",
        [("scheduler", KEY), ("task", sa.BigInteger)],
        *_needed(("arrival_s", sa.Double), ("start_s", sa.Double), ("finish_s", sa.Double), ("placement", sa.Text)),
        *_needed(("gpu_fraction", sa.Double), ("energy_j", sa.Double), ("cost", sa.Double), ("created_at", TIME)),
        sa.CheckConstraint("start_s >= arrival_s AND finish_s >= start_s", name="scheduler_results_times_check"),
    )
    _of_run(
        "training_data",
        [("scheduler", KEY), ("sample", sa.BigInteger)],
        *_needed(("completion", sa.BigInteger), ("task", sa.BigInteger), ("model", sa.SmallInteger)),
        *_needed(("fraction", sa.Double), ("nominal_s", sa.Double), ("work_s", sa.Double)),
        *_needed(("features", ARRAY(sa.Double)), ("created_at", TIME)),
        sa.CheckConstraint("fraction > 0 AND work_s > 0", name="training_data_share_check"),
    )
    _of_run(
        "metrics",
        [("scheduler", KEY), ("name", KEY), ("sample", sa.BigInteger)],
        *_needed(("at_s", sa.Double), ("value", sa.Double), ("created_at", TIME)),
    )
    _create_bookkeeping()


def _create_runs() -> None:
    op.create_table(
        "runs",
        *_needed(("run", KEY), ("started_at", TIME)),
        sa.Column("finished_at", TIME),
        *_needed(("status", sa.Text), ("app_version", sa.Text), ("workload", sa.Text), ("cluster", sa.Text)),
        *_needed(("seed", sa.BigInteger), ("tasks", sa.BigInteger), ("schedulers", ARRAY(sa.Text))),
        *_needed(("device_ids", ARRAY(sa.Text)), ("models", ARRAY(sa.Text)), ("feature_names", ARRAY(sa.Text))),
        *_needed(("race_toml", sa.Text)),
        sa.Column("digest", sa.Text),
        sa.Column("purged_at", TIME),
        sa.PrimaryKeyConstraint("run"),
        sa.CheckConstraint("status IN ('running', 'finished', 'stopped', 'interrupted')", name="runs_status_check"),
        sa.CheckConstraint("tasks > 0", name="runs_tasks_check"),
        schema=SCHEMA,
    )
    op.create_index("runs_started_at_idx", "runs", ["started_at"], schema=SCHEMA)


def _create_bookkeeping() -> None:
    figures = ["makespan_s", "mean_response_s", "p50_response_s", "p95_response_s", "p99_response_s", "mean_wait_s"]
    figures += ["mean_bounded_slowdown", "throughput_per_s", "utilisation_cpu", "utilisation_gpu"]
    figures += ["energy_j", "cost", "jain", "regret"]
    _of_run(
        "run_summary",
        [("scheduler", KEY)],
        *_needed(("status", sa.Text)),
        sa.Column("reason", sa.Text),
        *_needed(("tasks", sa.BigInteger)),
        *(sa.Column(name, sa.Double) for name in figures),
        sa.Column("digest", sa.Text),
    )
    _of_run("simulation_state", [], *_needed(("step", sa.BigInteger), ("clock_s", sa.Double), ("updated_at", TIME)))
    _of_run(
        "journal_progress",
        [("table_name", KEY)],
        *_needed(("byte_offset", sa.BigInteger)),
        sa.CheckConstraint("byte_offset >= 0", name="journal_progress_offset_check"),
    )


def downgrade() -> None:
    """Drop them again; the journals stay."""
    for table in (
        "journal_progress",
        "simulation_state",
        "run_summary",
        "metrics",
        "training_data",
        "scheduler_results",
        "tasks",
        "runs",
    ):
        op.drop_table(table, schema=SCHEMA)
