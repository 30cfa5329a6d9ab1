"""A race from its first event to its last row, for the window and the command alike; knows nothing of Qt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from app.collecting import few_collections
from app.pace import Pace, Stride
from app.warm_start import beside, keep_beside
from engine.watchdog import Watchdog
from persistence.run import new_run_id as new_run_id  # whoever starts a race names it

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.control import Control
    from engine.frame import Frame
    from engine.frames import FrameMaker
    from engine.race import Race
    from engine.records import FinishedTasks, MetricSeries
    from engine.results import RaceResult
    from engine.training import TrainingSamples
    from persistence.recording.recorder import Recorder
    from persistence.run import RunHeader
    from persistence.settings import StorageSettings
    from persistence.storage import StoragePlugin
    from plugins.assemble import PreparedRace

FRAME_EVERY_S = 0.030
REFRESH_EVERY_S = 0.1
"""Percentiles, energy, utilisation and devices cost ten times as much as the rest of a frame and need not be as new."""
HAND_OVER_EVERY_S = 0.1
"""Every batch costs the race thread and the recorder some tenths of a millisecond a lane, however few rows it has."""
REPLAYED_EVERY_S = 0.01
"""While recorded rows come again, at full speed: how far a race that has passed them runs on at that speed."""
TICK_S = 0.008
LOOK_AGAIN_S = 0.1

# A block of events ends at a checkpoint, whatever the policies cost about every 2 ms where somebody watches: there the
# race waits for whoever paints. An unwatched one only looks for a cancel, and for what is due.
WATCHED_BLOCK_S, UNWATCHED_BLOCK_S = 0.002, 0.02
FIRST_BLOCK, LONGEST_BLOCK = 40, 10_000


class Receiver(Protocol):
    """Who takes what leaves a race: the recorder, a results folder, or both."""

    def finished(self, rows: FinishedTasks) -> None:
        """Take tasks that one scheduler has finished."""

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        """Take training samples of one scheduler."""

    def state(self, completions: int, clock_s: float) -> None:
        """Take where the race stands: tasks finished by all schedulers together, simulated seconds."""

    def metrics(self, series: MetricSeries) -> None:
        """Take a metric over time, after the race."""

    def result(self, result: RaceResult) -> None:
        """Take the result, last."""


@dataclass(slots=True)
class Timing:
    """Where the wall time of a race went. :func:`run_race` fills it, but for the two seconds outside of it.

    ``race_s`` includes ``recording_s`` and ``frames_s``, but neither start-up nor the last flush.
    """

    preparing_s: float = 0.0
    race_s: float = 0.0
    recording_s: float = 0.0
    frames_s: float = 0.0
    results_s: float = 0.0
    flushing_s: float = 0.0
    lanes_s: Mapping[str, float] = field(default_factory=dict)


def start_recording(
    prepared: PreparedRace,
    settings: StorageSettings,
    storages: Mapping[str, type[StoragePlugin]],
    run: str,
) -> Recorder | None:
    """Open the storage of the settings and return a recorder that knows the tasks; None when nothing is stored.

    May take a second (the embedded server starts), so a window calls it off its own thread. Raises
    :class:`persistence.errors.JournalError`, before anything is opened, when the data folder cannot be written.
    """
    if settings.kind == "none":
        return None
    from persistence.recording.recorder import Recorder
    from persistence.storage import open_storage

    check_folder(settings.runs_dir)
    keep_beside(prepared, settings.runs_dir / run)  # before race.toml, which names it
    recorder = Recorder(open_storage(settings, storages), run_header(prepared, run))
    recorder.tasks(prepared.workload)
    return recorder


def run_header(prepared: PreparedRace, run: str) -> RunHeader:
    """Return what is to be known of a run that starts now."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    from app.race_file import race_toml
    from persistence.run import RunHeader

    workload = prepared.workload
    return RunHeader(
        run=run,
        started_at=datetime.now(UTC),
        app_version=version("schedrace"),
        workload=workload.name,
        cluster=prepared.cluster.name,
        seed=prepared.spec.seed,
        tasks=len(workload),
        schedulers=tuple(lane.label for lane in prepared.lanes),
        device_ids=tuple(device.id for device in prepared.cluster.devices),
        models=workload.models,
        feature_names=workload.feature_names,
        race_toml=race_toml(beside(prepared.spec)),
    )


def check_folder(runs_dir: Path) -> None:
    """Raise :class:`persistence.errors.JournalError` when journals cannot be written there."""
    from persistence.errors import JournalError
    from persistence.folder import why_not_writable

    if reason := why_not_writable(runs_dir):
        raise JournalError(
            f"Nothing can be recorded in {runs_dir}: {reason}. No race was started. Make the folder writable for this "
            "user, with some room on its disk, or set the environment variable SCHEDRACE_DATA_DIR to another folder."
        )


def never() -> bool:
    """Return False: nothing is replayed."""
    return False


class Raceable(Protocol):
    """What :func:`run_race` runs: a prepared race, or who keeps hold of the race that it starts."""

    def race(self) -> Race:
        """Return a race that stands before its first event."""


def run_race(
    prepared: Raceable,
    *,
    recorder: Receiver | None,
    control: Control[Frame],
    frames: bool,
    pace: Pace | None,
    progress: Callable[[int], None] | None = None,
    timing: Timing | None = None,
    replaying: Callable[[], bool] = never,
) -> RaceResult:
    """Race to the end, or until ``control`` cancels it; the lanes are then 'stopped' and the result says so.

    ``frames`` publishes a frame to ``control`` at most every 30 ms; ``pace`` None is full speed; every
    100 ms ``progress`` is told how many tasks all lanes together have finished. The recorder gets all that
    is finished but is not closed: how long its last flush may take is the caller's choice. Wall time
    decides when something is shown, never what happens. While ``replaying``, the race goes at full speed.
    """
    timing = timing or Timing()
    with few_collections():
        race = prepared.race()
        try:
            run = _Run(race, recorder, control, frames, progress, timing, replaying)
            began = time.perf_counter()
            with Watchdog(cancelled=lambda: control.cancelled) as race.watchdog:
                run.drive(pace)
            timing.race_s = time.perf_counter() - began
            timing.lanes_s = {lane.label: lane.seconds for lane in race.lanes}
            return run.finish()
        finally:
            race.close()


class _Run:
    """One race under way: what is due for the recorder and for the watcher, and when."""

    def __init__(
        self,
        race: Race,
        recorder: Receiver | None,
        control: Control[Frame],
        frames: bool,
        progress: Callable[[int], None] | None,
        timing: Timing,
        replaying: Callable[[], bool],
    ) -> None:
        self.race = race
        self.recorder = recorder
        self.control = control
        self.progress = progress
        self.timing = timing
        self.replaying = replaying
        self.maker = _frame_maker(race) if frames else None
        self.next_frame_at = self.next_refresh_at = 0.0
        self.next_hand_over_at = 0.0

    def drive(self, pace: Pace | None) -> None:
        """Advance until every lane has ended or the watcher cancels."""
        race, control = self.race, self.control
        block, block_s = FIRST_BLOCK, WATCHED_BLOCK_S if self.maker else UNWATCHED_BLOCK_S
        stride = Stride(race, pace, self.replaying)
        self.show()
        while not race.done and not control.cancelled:
            control.checkpoint()
            if control.take_step():
                control.pause()
                race.step()
                self.show()
            elif control.paused:
                self.stand_still()
                stride.rest()
            else:
                until_s, began = stride.until(control.speed), time.perf_counter()
                if not race.advance(until_s, block):
                    control.wait(TICK_S)
                else:
                    block = _next_block(block, time.perf_counter() - began, block_s)
            self.show_when_due()
        if not race.done:
            race.stop()

    def finish(self) -> RaceResult:
        """Hand the last rows, the metrics and the result over, show the last frame, return the result."""
        began = time.perf_counter()
        self.hand_over()
        result = self.race.result()
        if self.recorder is not None:
            for series in self.race.metric_series(result):
                self.recorder.metrics(series)
            self.recorder.result(result)
        self.publish(refresh=True)
        self.timing.results_s = time.perf_counter() - began
        return result

    def show_when_due(self) -> None:
        """Hand rows over every 100 ms and publish a frame every 30 ms."""
        now = time.perf_counter()
        if now >= self.next_hand_over_at:
            self.hand_over()
            pause_s = REPLAYED_EVERY_S if self.replaying() else HAND_OVER_EVERY_S
            self.next_hand_over_at = time.perf_counter() + pause_s
        if now >= self.next_frame_at:
            refresh = now >= self.next_refresh_at
            self.publish(refresh)
            # on a beat, so that the length of blocks costs no frames; but one that is costly, with very many devices,
            # never fills more than a quarter of the time
            beat = max(self.next_frame_at, now - FRAME_EVERY_S) + FRAME_EVERY_S
            self.next_frame_at = max(beat, now + 4 * (time.perf_counter() - now))
            if refresh:
                self.next_refresh_at = now + REFRESH_EVERY_S

    def show(self) -> None:
        """Hand over and publish at once: the race stands still, or is about to start."""
        self.next_hand_over_at = self.next_frame_at = self.next_refresh_at = 0.0
        self.show_when_due()

    def stand_still(self) -> None:
        """Wait for a verb, or for the watcher to select another scheduler, whose devices are then shown."""
        shown = self.control.selected
        self.show()
        while self.control.paused and self.control.selected == shown:
            if self.control.wait(LOOK_AGAIN_S) < LOOK_AGAIN_S:
                return

    def hand_over(self) -> None:
        """Give the recorder what has finished since the last time."""
        began, completions = time.perf_counter(), self.race.completions
        if self.recorder is not None:
            for finished in self.race.take_finished():
                self.recorder.finished(finished)
            for scheduler, samples in self.race.take_samples():
                self.recorder.samples(scheduler, samples)
            self.recorder.state(completions, self.race.clock_s)
        self.timing.recording_s += time.perf_counter() - began
        if self.progress is not None:
            self.progress(completions)

    def publish(self, refresh: bool) -> None:
        """Publish a frame, where someone watches; with ``refresh`` its costly figures are new too."""
        if self.maker is not None:
            began = time.perf_counter()
            self.control.publish(self.maker.frame(self.control.selected, refresh))
            self.timing.frames_s += time.perf_counter() - began


def _next_block(events: int, took_s: float, block_s: float) -> int:
    """Return how many events fill a block, from how long the last one took; wall time changes no result."""
    return min(max(round(events * min(block_s / took_s, 2.0)), FIRST_BLOCK), LONGEST_BLOCK)


def _frame_maker(race: Race) -> FrameMaker:
    from engine.frames import FrameMaker

    return FrameMaker(race)
