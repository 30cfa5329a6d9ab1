"""The SQL of ``tasks``."""

from __future__ import annotations

from typing import Any

from persistence.database.repositories.bulk import BulkRepository, as_dicts


class TaskRepository(BulkRepository):
    """What the tasks of a run are."""

    table = "tasks"

    def of_run(self, run: str, first: int, last: int) -> list[dict[str, Any]]:
        """Return the tasks ``first`` to ``last`` (excluded) of a run, in order (index: primary key)."""
        self._cursor.execute(
            "SELECT * FROM schedrace.tasks WHERE run = %s AND task >= %s AND task < %s ORDER BY task",
            (run, first, last),
        )
        return as_dicts(self._cursor)
