"""What can be asked about recorded runs. Two answer it: the database and the journals, with equal answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

from engine.errors import InputError
from persistence.comparison import WinLoss
from persistence.figures import RunOverview, SchedulerStats
from persistence.run import RunHeader


class RunArchive(Protocol):
    """Recorded runs, to be read. A run that is not there is an :class:`engine.errors.InputError`."""

    def runs(self, limit: int) -> list[RunOverview]:
        """Return the last runs, newest first."""

    def overview(self, run: str) -> RunOverview:
        """Return one line of that list."""

    def header(self, run: str) -> RunHeader:
        """Return what a run was started with."""

    def summaries(self, run: str) -> list[dict[str, Any]]:
        """Return the columns of ``run_summary`` by scheduler: of the result, or of the rows while there is none."""

    def statistics(self, run: str) -> list[SchedulerStats]:
        """Return how each scheduler did, best mean response first: in the result, or in the rows until there is one."""

    def statistics_of_rows(self, run: str) -> list[SchedulerStats]:
        """Return how each scheduler did on the tasks that are recorded, also where there is a result."""

    def wins(self, run: str) -> WinLoss:
        """Return on how many tasks which scheduler finished sooner."""

    def metric(self, run: str, scheduler: str, name: str) -> list[tuple[float, float]]:
        """Return (simulated time, value) of a metric, in the order in which it was recorded."""

    def tasks(self, run: str, first: int, last: int) -> list[dict[str, Any]]:
        """Return the tasks ``first`` to ``last`` (excluded) by column."""

    def result(self, run: str) -> dict[str, Any] | None:
        """Return what ``result.json`` holds, as far as it is known here; None for a run that is not over."""

    def row_counts(self, run: str) -> dict[str, int]:
        """Return how many rows of a run each table with a journal file holds."""

    def rows(self, run: str) -> Generator[tuple[str, Any], None, None]:
        """Yield all rows of a run as (table, ``pyarrow.Table`` with the types of
        :func:`persistence.journal.typed.typed_schema`), a block after the other; their order tells nothing.

        The memory that it takes does not grow with the run. To be closed when not read to the end.
        """


def no_such_run(run: str, where: str) -> InputError:
    """Return what is said about a run that is not there."""
    return InputError(f"There is no run '{run}' in {where}. 'schedrace history' lists the runs.")
