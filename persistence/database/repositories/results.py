"""The SQL of ``scheduler_results``."""

from __future__ import annotations

from persistence.database.repositories.bulk import BulkRepository
from persistence.figures import SchedulerStats


class SchedulerResultRepository(BulkRepository):
    """When, where and at what price each task ran."""

    table = "scheduler_results"

    def statistics(self, run: str) -> list[SchedulerStats]:
        """Aggregate a run by scheduler (index: primary key, leading with run)."""
        self._cursor.execute(
            """
            SELECT scheduler, n, mean, p[1], p[2], p[3], wait, energy, cost, gpu
              FROM (SELECT scheduler, count(*) AS n, avg(finish_s - arrival_s) AS mean,
                           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY finish_s - arrival_s) AS p,
                           avg(start_s - arrival_s) AS wait, sum(energy_j) AS energy, sum(cost) AS cost,
                           avg(gpu_fraction) AS gpu
                      FROM schedrace.scheduler_results WHERE run = %s GROUP BY scheduler) AS s
             ORDER BY mean
            """,
            (run,),
        )
        return [SchedulerStats(*row) for row in self._cursor.fetchall()]
