"""Where a race stands, and after its end where it stood last: what is known of one that was cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CutRuns:
    """How many runs of all were cut, and the last of them: ``step`` tasks (all schedulers together) had finished at
    ``clock_s``; None where the database was away before the first rows came."""

    runs: int
    cut: int
    last: str | None
    step: int | None
    clock_s: float | None


class SimulationStateRepository:
    """The table ``simulation_state``: one row a race. Whether it is over says ``runs.status``; its row stays, because a
    role that records has no right to delete."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def upsert(self, run: str, step: int, clock_s: float) -> None:
        """Store where a race stands (index: primary key)."""
        # the server's clock: runs of several machines are compared by it
        self._cursor.execute(
            """
            INSERT INTO schedrace.simulation_state (run, step, clock_s, updated_at) VALUES (%s, %s, %s, now())
            ON CONFLICT (run) DO UPDATE
                SET step = EXCLUDED.step, clock_s = EXCLUDED.clock_s, updated_at = EXCLUDED.updated_at
            """,
            (run, step, clock_s),
        )

    def cut(self) -> CutRuns:
        """Return which runs were cut (all of runs is read: some thousands at the most, in a check)."""
        self._cursor.execute(
            """
            WITH kept AS (SELECT run, started_at, status FROM schedrace.runs WHERE purged_at IS NULL),
                 cut AS (SELECT run, started_at FROM kept WHERE status = 'interrupted')
            SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM cut), last.run, step, clock_s
              FROM (VALUES (1)) AS one
              LEFT JOIN (SELECT run FROM cut ORDER BY started_at DESC LIMIT 1) AS last ON true
              LEFT JOIN schedrace.simulation_state AS s ON s.run = last.run
            """
        )
        return CutRuns(*self._cursor.fetchone())
