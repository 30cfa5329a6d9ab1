"""The SQL of ``training_data``."""

from __future__ import annotations

from psycopg2 import sql

from engine.training import TrainingSamples
from persistence.database.binary_copy import copied_samples
from persistence.database.repositories.bulk import BulkRepository


class TrainingDataRepository(BulkRepository):
    """What learners learn from."""

    table = "training_data"

    def latest(self, run: str, scheduler: str, up_to: int, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples with a completion of at most ``up_to``, oldest first.

        One walk down the primary key: samples are numbered in the order of completions.
        """
        return copied_samples(self._cursor, window_query(run, scheduler, up_to, limit))


def window_query(run: str, scheduler: str, up_to: int, limit: int) -> sql.Composed:
    """Return the query of :meth:`TrainingDataRepository.latest`; check-db looks at its plan."""
    return sql.SQL(
        """
        SELECT sample, completion, task, model, fraction, nominal_s, work_s, features FROM (
            SELECT * FROM schedrace.training_data
             WHERE run = {} AND scheduler = {} AND completion <= {} ORDER BY sample DESC LIMIT {}) AS last
         ORDER BY sample
        """
    ).format(*map(sql.Literal, (run, scheduler, up_to, limit)))
