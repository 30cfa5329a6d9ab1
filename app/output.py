"""The files of ``--out DIR``: results.csv, summary.json and race.toml."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from app.race_file import race_toml
from app.warm_start import beside, keep_beside
from engine.errors import InputError, SchedRaceError
from engine.records import FinishedTasks, MetricSeries, placement_texts
from persistence.exchange.sums import SUMS
from persistence.folder import why_not_writable

if TYPE_CHECKING:
    from app.session import Receiver
    from engine.results import RaceResult
    from engine.training import TrainingSamples
    from plugins.assemble import PreparedRace

COLUMNS = (
    "scheduler",
    "task",
    "arrival_s",
    "start_s",
    "finish_s",
    "placement",
    "gpu_fraction",
    "energy_j",
    "cost",
)


class Receivers:
    """Several receivers as one."""

    def __init__(self, members: Sequence[Receiver]) -> None:
        self._members = members

    def finished(self, rows: FinishedTasks) -> None:
        """Hand on finished tasks."""
        for member in self._members:
            member.finished(rows)

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        """Hand on training samples."""
        for member in self._members:
            member.samples(scheduler, rows)

    def state(self, completions: int, clock_s: float) -> None:
        """Hand on where the race stands."""
        for member in self._members:
            member.state(completions, clock_s)

    def metrics(self, series: MetricSeries) -> None:
        """Hand on a metric."""
        for member in self._members:
            member.metrics(series)

    def result(self, result: RaceResult) -> None:
        """Hand on the result."""
        for member in self._members:
            member.result(result)


class ResultsFolder:
    """Collects a race's rows in the folder that ``--out`` names, in a part for each scheduler.

    How rows of different schedulers interleave depends on the clock on the wall; one part after the other does not,
    so the same race gives the same results.csv. Parts are files without a name: whatever ends the process, none is
    left. A full disk ends the collecting, never the race; :meth:`close` says so.

    Raises :class:`InputError` when nothing can be written to the folder.
    """

    def __init__(self, folder: Path, prepared: PreparedRace) -> None:
        self.folder = folder
        self._prepared = prepared
        self._devices = [device.id for device in prepared.cluster.devices]
        self._problem: OSError | None = None
        if (folder / SUMS).exists():
            raise InputError(
                f"'{folder}' holds an exported run, whose files would be overwritten. Choose another folder for the "
                "results."
            )
        if reason := why_not_writable(folder):
            raise InputError(f"The results cannot be written to '{folder}': {reason}. Choose another folder.")
        self._parts = {lane.label: _nameless_file(folder) for lane in prepared.lanes}

    def finished(self, rows: FinishedTasks) -> None:
        """Append finished tasks to their scheduler's part."""
        if self._problem is not None:
            return
        try:
            part = self._parts[rows.scheduler]
            csv.writer(part, lineterminator="\n").writerows(_rows(rows, self._devices))
        except OSError as error:
            self._problem = error

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        """Training samples are not among the files."""

    def state(self, completions: int, clock_s: float) -> None:
        """Where the race stands is not among the files."""

    def metrics(self, series: MetricSeries) -> None:
        """Metrics over time are not among the files."""

    def result(self, result: RaceResult) -> None:
        """The summary comes with :meth:`close`."""

    def close(self, summary: dict[str, Any]) -> None:
        """Join the parts to results.csv, write summary.json and race.toml; raise what has gone wrong until now."""
        try:
            if self._problem is not None:
                raise self._problem
            with (self.folder / "results.csv").open("w", encoding="utf-8", newline="") as out:
                out.write(",".join(COLUMNS) + "\n")
                for part in self._parts.values():
                    part.seek(0)
                    while block := part.read(io.DEFAULT_BUFFER_SIZE * 64):
                        out.write(block)
            (self.folder / "summary.json").write_text(json_text(summary) + "\n", encoding="utf-8")
            (self.folder / "race.toml").write_text(race_toml(beside(self._prepared.spec)), encoding="utf-8")
            keep_beside(self._prepared, self.folder)
        except OSError as error:
            raise SchedRaceError(
                f"The results cannot be written to '{self.folder}': {error.strerror or error}. "
                "Choose another folder, or make room in this one."
            ) from error

    def discard_parts(self) -> None:
        """Let go of the parts."""
        for part in self._parts.values():
            with suppress(OSError):  # rows that found no room on the disk: close() has said so
                part.close()


def _nameless_file(folder: Path) -> IO[str]:
    return TemporaryFile("w+", encoding="utf-8", newline="", dir=folder)


def json_text(summary: dict[str, Any]) -> str:
    """Return the JSON of a summary; strict, so a figure that is not a number would be an error, not 'NaN'."""
    return json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)


def _rows(batch: FinishedTasks, devices: Sequence[str]) -> list[tuple[object, ...]]:
    return list(
        zip(
            [batch.scheduler] * len(batch),
            batch.task.tolist(),
            batch.arrival_s.tolist(),
            batch.start_s.tolist(),
            batch.finish_s.tolist(),
            placement_texts(batch, devices),
            batch.gpu_fraction.tolist(),
            batch.energy_j.tolist(),
            batch.cost.tolist(),
            strict=True,
        )
    )
