"""The SQL of ``metrics``."""

from __future__ import annotations

from persistence.database.repositories.bulk import BulkRepository


class MetricRepository(BulkRepository):
    """Metrics of schedulers over simulated time."""

    table = "metrics"

    def series(self, run: str, scheduler: str, name: str) -> list[tuple[float, float]]:
        """Return (time, value) of one metric in order (index: primary key)."""
        self._cursor.execute(
            "SELECT at_s, value FROM schedrace.metrics WHERE run = %s AND scheduler = %s AND name = %s ORDER BY sample",
            (run, scheduler, name),
        )
        rows: list[tuple[float, float]] = self._cursor.fetchall()
        return rows
