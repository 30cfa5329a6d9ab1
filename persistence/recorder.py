"""The recorder: takes rows from a race without ever waiting for a database."""

from __future__ import annotations

from dataclasses import dataclass

from engine.records import FinishedTasks, MetricSeries
from engine.results import RaceResult
from engine.training import TrainingSamples
from engine.workload import Workload
from persistence.run import RunHeader
from persistence.storage import Storage


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """How recording stands. ``rows_written`` counts task results in the storage named by ``kind``; ``rows_pending``
    those that are on their way to it; ``problem`` is a sentence, or None when all is well."""

    kind: str
    where: str
    why: str
    rows_written: int
    rows_pending: int
    problem: str | None


class Recorder:
    """Records one run. Calls only enqueue; they block briefly when the journal's disk lags far behind."""

    def __init__(self, storage: Storage, header: RunHeader) -> None:
        raise NotImplementedError

    def tasks(self, workload: Workload) -> None:
        """Record what the tasks are; called once, first."""

    def finished(self, rows: FinishedTasks) -> None:
        """Record finished tasks."""

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        """Record training samples."""

    def metrics(self, series: MetricSeries) -> None:
        """Record a metric over time."""

    def result(self, result: RaceResult) -> None:
        """Record the end of the race."""

    def status(self) -> RecorderStatus:
        """Return how recording stands; any thread may ask."""
        raise NotImplementedError

    def close(self, wait_s: float = 10.0) -> RecorderStatus:
        """Write what is left to the journal, wait up to ``wait_s`` for the storage, and end the threads."""
        raise NotImplementedError
