"""The SQL of ``training_data``."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import sql

from engine.training import TrainingSamples
from persistence.database.binary_copy import copied_dated_samples, copied_samples
from persistence.database.repositories.bulk import BulkRepository
from persistence.kin import DatedSamples, Kin


class TrainingDataRepository(BulkRepository):
    """What learners learn from."""

    table = "training_data"

    def latest(self, run: str, scheduler: str, up_to: int, limit: int) -> TrainingSamples:
        """Return the last ``limit`` samples with a completion of at most ``up_to``, oldest first.

        One walk down the primary key: samples are numbered in the order of completions.
        """
        return copied_samples(self._cursor, window_query(run, scheduler, up_to, limit))

    def newest(self, like: Kin, without: Sequence[str], limit: int) -> DatedSamples:
        """Return the last ``limit`` samples of all runs that go with ``like`` and are not among ``without``.

        One walk down training_data_created_at_idx; the runs are looked up by their primary key. Samples of other
        features or models that lie between are passed over.
        """
        return copied_dated_samples(self._cursor, newest_query(like, without, limit))

    def newest_kin(self) -> Kin | None:
        """Return the newest run that has samples (indexes: runs_started_at_idx, primary key)."""
        self._cursor.execute(
            """
            SELECT started_at, run, feature_names, models FROM schedrace.runs AS r
             WHERE purged_at IS NULL AND EXISTS (SELECT FROM schedrace.training_data AS t WHERE t.run = r.run)
             ORDER BY started_at DESC, run DESC LIMIT 1
            """
        )
        row = self._cursor.fetchone()
        return None if row is None else Kin(row[0], row[1], tuple(row[2]), tuple(row[3]))


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


def newest_query(like: Kin, without: Sequence[str], limit: int) -> sql.Composed:
    """Return the query of :meth:`TrainingDataRepository.newest`, newest first; check-db looks at its plan."""
    columns = [sql.Identifier(name) for name in _SAMPLE]
    return sql.SQL(
        """
        SELECT created_at, {columns} FROM schedrace.training_data AS t JOIN schedrace.runs AS r USING (run)
         WHERE r.feature_names = {features}::text[] AND r.models = {models}::text[] AND r.purged_at IS NULL
           AND run <> ALL ({without}::text[])
         ORDER BY {latest} LIMIT {limit}
        """
    ).format(
        columns=sql.SQL(", ").join(columns),
        latest=sql.SQL(", ").join(sql.SQL("{} DESC").format(name) for name in (sql.Identifier("created_at"), *columns)),
        features=sql.Literal(list(like.feature_names)),
        models=sql.Literal(list(like.models)),
        without=sql.Literal(list(without)),
        limit=sql.Literal(limit),
    )


_SAMPLE = ("sample", "completion", "task", "model", "fraction", "nominal_s", "work_s", "features")
