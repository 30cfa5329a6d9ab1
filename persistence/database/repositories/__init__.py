"""The SQL: one repository a table. Bulk rows come as CSV lines and go in by COPY; nothing is ever doubled.

Rows of these tables are facts: they are created (``upsert``), read, and deleted with their run, never changed; what
changes is the state of a run (:class:`RunRepository`). Each query says which index serves it; a test looks at the plans
at 1e6 rows.
"""

from __future__ import annotations

from persistence.database.repositories.bulk import BulkRepository
from persistence.database.repositories.metrics import MetricRepository
from persistence.database.repositories.results import SchedulerResultRepository
from persistence.database.repositories.runs import RunRepository
from persistence.database.repositories.tasks import TaskRepository
from persistence.database.repositories.training import TrainingDataRepository

BULK: tuple[type[BulkRepository], ...] = (
    TaskRepository,
    SchedulerResultRepository,
    TrainingDataRepository,
    MetricRepository,
)

__all__ = [
    "BULK",
    "BulkRepository",
    "MetricRepository",
    "RunRepository",
    "SchedulerResultRepository",
    "TaskRepository",
    "TrainingDataRepository",
]
