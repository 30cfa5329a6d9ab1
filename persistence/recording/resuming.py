"""A run that was cut goes on: the race is raced again, and only what its journal does not hold yet is recorded."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from engine.metrics import OF_WALL_TIME
from engine.records import FinishedTasks, MetricSeries
from engine.results import RaceResult
from engine.training import TrainingSamples
from engine.workload import Workload
from persistence.errors import JournalBusy, JournalError, StorageError
from persistence.journal.files import Journal
from persistence.journal.rows import metric_rows, result_rows, sample_rows, task_rows, timestamp
from persistence.recording.cut_runs import CutRun, in_use
from persistence.recording.inbox import TAKE_ROWS
from persistence.recording.recorded_rows import Differs, RecordedRows
from persistence.recording.recorder import Recorder, RecorderStatus
from persistence.recording.wanted_again import believed
from persistence.run import RunHeader
from persistence.schema import JOURNALED
from persistence.storage import Storage

BUSY_WAIT_S = 3.0
_LOOK_AGAIN_S = 0.05


class ResumingRecorder:
    """Takes from the race what a :class:`Recorder` takes. What the journal holds is compared; nothing is written before
    all of it has come again, then everything beyond it goes to a recorder on the same journal.

    A row that is another one than the journal's raises :class:`Differs` from the call that brings it: the run stays as
    it was. So it does when the race is stopped: it can be resumed once more. What comes before the last recorded row
    is kept in memory, which the engine's own record of the race exceeds.
    """

    def __init__(self, storage: Storage, cut: CutRun, now: RunHeader) -> None:
        """Take the journal: raises :class:`JournalBusy` while another SchedRace writes it.

        ``now`` is the header with which the race would be recorded as a new run; raises :class:`Differs` when it is of
        another race.
        """
        self.storage = storage
        self.header = cut.header
        self._now = now
        self._journal = _taken(cut, storage.settings.journal_sync)
        self._created_at = timestamp()
        self._recorded: dict[str, RecordedRows] = {}
        self._held: list[Callable[[Recorder], None]] = []
        self._metrics: list[MetricSeries] = []
        self._recorder: Recorder | None = None
        self._closed = False
        try:
            self._check_header()
            self._results = self._journal.rows("scheduler_results")
            self._recorded = {table: RecordedRows(self._journal, table) for table in JOURNALED}
        except BaseException:
            self._journal.close()
            raise

    @property
    def replaying(self) -> bool:
        """Whether recorded rows have not come again yet."""
        return self._recorder is None and not self._closed

    def tasks(self, workload: Workload) -> None:
        """Compare the tasks; called once, first."""
        known = 0
        for first in range(0, len(workload), TAKE_ROWS):
            last = min(first + TAKE_ROWS, len(workload))
            known += self._match("tasks", task_rows(workload, first, last, self._created_at))
        if (missing := self._recorded["tasks"].missing()) is not None:
            raise self._differs(missing)
        self._pass_on(lambda recorder: recorder.tasks(workload, known))

    def finished(self, rows: FinishedTasks) -> None:
        """Compare finished tasks, record those that are new."""
        known = 0
        if self._recorded["scheduler_results"].left:
            known = self._match("scheduler_results", result_rows([(rows, self._created_at)], self.header.device_ids))
        if known < len(rows):
            new = _results_from(rows, known)
            self._pass_on(lambda recorder: recorder.finished(new))
        else:
            self._go_on_when_all_came()

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        """Compare training samples, record those that are new."""
        known = 0
        if self._recorded["training_data"].left:
            known = self._match("training_data", sample_rows([(scheduler, rows, self._created_at)]))
        if known < len(rows):
            new = replace(rows, **{field.name: getattr(rows, field.name)[known:] for field in fields(rows)})
            self._pass_on(lambda recorder: recorder.samples(scheduler, new))
        else:
            self._go_on_when_all_came()

    def metrics(self, series: MetricSeries) -> None:
        """Keep a metric until the result tells whether the race has come to its end."""
        self._metrics.append(series)

    def state(self, completions: int, clock_s: float) -> None:
        """Say where the race stands, once it is beyond where it was cut."""
        if self._recorder is not None:
            self._recorder.state(completions, clock_s)

    def result(self, result: RaceResult) -> None:
        """Record the end of the race. One that was stopped is still cut: neither its metrics nor its result count."""
        if any(row.status == "stopped" for row in result.rows):
            return
        for series in self._metrics:
            self._record_metric(series)
        for recorded in self._recorded.values():
            if (missing := recorded.missing()) is not None:
                raise self._differs(missing)
        self._pass_on(lambda recorder: recorder.result(result))

    @property
    def braked_s(self) -> float:
        """Seconds for which the race was held, because the journal's disk lagged behind."""
        return self._recorder.braked_s if self._recorder is not None else 0.0

    def status(self) -> RecorderStatus:
        """Return how recording stands; while rows are compared, the recorded ones count as on their way."""
        if self._recorder is not None:
            return self._recorder.status()
        storage = self.storage
        return RecorderStatus(storage.kind, storage.where, storage.why, 0, self._results, storage.problem)

    def close(self, wait_s: float = 10.0) -> RecorderStatus:
        """See :meth:`Recorder.close`; of a race that did not come beyond what is recorded, return where that is."""
        self._closed = True
        if self._recorder is not None:
            return self._recorder.close(wait_s)
        status = self.status()
        arrived = self._arrived()
        self._journal.close()
        return replace(status, rows_written=arrived, rows_pending=self._results - arrived)

    def _arrived(self) -> int:
        """Return how many of the recorded task results are in the storage, by its own account."""
        if not self.storage.answered:
            return self._results  # the journal is the storage
        try:
            with contextlib.closing(self.storage.connect()) as consumer:
                offsets = believed(self._journal, consumer.offsets().get(self.header.run, {}))
        except StorageError:
            return 0
        arrived = self._journal.rows("scheduler_results", offsets.get("scheduler_results", 0))
        return max(0, arrived - self._journal.rejected("scheduler_results"))

    def _check_header(self) -> None:
        for name in _OF_THE_RACE:
            was, is_now = getattr(self.header, name), getattr(self._now, name)
            if was != is_now:
                raise self._differs(f"In run.json, {name} is {was}; now it is {is_now}.")

    def _match(self, table: str, lines: bytes, values: bool = True) -> int:
        try:
            return self._recorded[table].match(lines, values)
        except Differs as error:
            raise self._differs(str(error)) from error

    def _record_metric(self, series: MetricSeries) -> None:
        values = series.name not in OF_WALL_TIME
        known = self._match("metrics", metric_rows([(series, self._created_at)]), values) if len(series) else 0
        if known < len(series):
            new = replace(series, at_s=series.at_s[known:], value=series.value[known:], first=known)
            self._pass_on(lambda recorder: recorder.metrics(new))

    def _pass_on(self, rows: Callable[[Recorder], None]) -> None:
        """Have rows recorded, now or when everything recorded has come again."""
        self._held.append(rows)
        self._go_on_when_all_came()

    def _go_on_when_all_came(self) -> None:
        if any(recorded.left for recorded in self._recorded.values()):
            return
        if self._recorder is None:
            self._journal.mark_resumed()
            self._recorder = Recorder(self.storage, self.header, self._journal)
        for rows in self._held:
            rows(self._recorder)
        self._held.clear()

    def _differs(self, what: str) -> Differs:
        was, is_now = self.header.app_version, self._now.app_version
        versions = "" if was == is_now else f" It was recorded by SchedRace {was}, and this is {is_now}."
        return Differs(
            f"The run '{self.header.run}' cannot be resumed, because its race is not the same any more. {what}"
            f"{versions} A policy, a file that it names or a library has changed since. Nothing was written: put that "
            "back and resume again, or keep the run as it is."
        )


def _taken(cut: CutRun, sync: str) -> Journal:
    """Open the journal; whoever ships what it holds, as every start does, may need it for a moment."""
    until = time.monotonic() + BUSY_WAIT_S
    while True:
        try:
            journal = Journal(cut.folder, sync)
        except JournalBusy:
            if time.monotonic() > until:
                raise in_use(cut) from None
        else:
            if not (cut.folder / "run.json").exists():
                journal.close()
                raise JournalError(f"The run '{cut.run}' was just cleaned up by another SchedRace. Nothing is resumed.")
            return journal
        time.sleep(_LOOK_AGAIN_S)


def _results_from(rows: FinishedTasks, first: int) -> FinishedTasks:
    """Return finished tasks without the first ones."""
    share = int(rows.share_start[first])
    columns: dict[str, Any] = {name: getattr(rows, name)[first:] for name in _BY_TASK}
    columns |= {name: getattr(rows, name)[share:] for name in ("share_device", "share_fraction")}
    return replace(rows, **columns, share_start=rows.share_start[first:] - share)


_OF_THE_RACE = ("workload", "cluster", "seed", "tasks", "schedulers", "device_ids", "models", "feature_names")
_BY_TASK = ("task", "arrival_s", "start_s", "finish_s", "gpu_fraction", "energy_j", "cost")
