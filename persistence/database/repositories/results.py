"""The SQL of ``scheduler_results``."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import sql

from persistence.comparison import WinLoss, win_loss
from persistence.database.binary_rows import copied_rows
from persistence.database.repositories.bulk import BulkRepository
from persistence.figures import SchedulerStats


class SchedulerResultRepository(BulkRepository):
    """When, where and at what price each task ran."""

    table = "scheduler_results"

    def statistics(self, run: str) -> list[SchedulerStats]:
        """Aggregate a run by scheduler (indexes: primary keys of scheduler_results and tasks).

        0.07 s over 200,000 results and 0.5 s over 1,000,000: an index that covers the figures would save time that
        nobody waits for, and cost every insert.
        """
        from engine.metrics import SLOWDOWN_FLOOR_S  # brings the simulation in, which nothing else here needs

        self._cursor.execute(
            """
            SELECT scheduler, n, last_s - LEAST(first_s, (SELECT min(arrival_s) FROM schedrace.tasks WHERE run = %s)),
                   mean_s, p[1], p[2], p[3], wait_s, slowdown, cost, NULL, energy_j, gpu
              FROM (SELECT scheduler, count(*) AS n, min(arrival_s) AS first_s, max(finish_s) AS last_s,
                           avg(finish_s - arrival_s) AS mean_s,
                           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY finish_s - arrival_s) AS p,
                           avg(start_s - arrival_s) AS wait_s,
                           avg(GREATEST(1, (finish_s - arrival_s) / GREATEST(finish_s - start_s, %s))) AS slowdown,
                           sum(cost) AS cost, sum(energy_j) AS energy_j, avg(gpu_fraction) AS gpu
                      FROM schedrace.scheduler_results WHERE run = %s GROUP BY scheduler) AS s
            """,
            (run, SLOWDOWN_FLOOR_S, run),
        )
        return [SchedulerStats(*row) for row in self._cursor.fetchall()]

    def wins(self, run: str, schedulers: Sequence[str]) -> WinLoss:
        """Count who finished each task of a run sooner (index: primary key).

        Over 200,000 results one COPY into numpy takes 0.08 s; a pivot in SQL took 0.11 s, a self join 0.23 s.
        """
        query = sql.SQL(
            """
            SELECT array_position({names}::text[], scheduler) - 1, task, finish_s
              FROM schedrace.scheduler_results WHERE run = {run} AND scheduler = ANY ({names}::text[])
            """
        ).format(names=sql.Literal(list(schedulers)), run=sql.Literal(run))
        rows = copied_rows(self._cursor, query, {"lane": "int4", "task": "int8", "finish_s": "float8"})
        return win_loss(schedulers, rows["lane"], rows["task"], rows["finish_s"])
