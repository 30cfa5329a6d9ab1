"""A SchedRace that races when it is told to, and tells what happens to it: the patient of the fault campaign.

``python racing_program.py`` reads a command a line and prints a JSON object a line, each with the moment (``at``, the
machine's monotonic clock). Commands: ``record {"data_dir", "url", "environment"}`` (where, from now on), ``race RUN``
(a real race, recorded under that run id, at a pace that somebody could watch), ``finish`` (the rest at full speed),
``clock -SECONDS`` (the wall clock steps back).
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.pace import Pace
from app.session import run_race, start_recording
from engine.control import Control
from engine.frame import Frame
from engine.records import FinishedTasks, MetricSeries
from engine.results import RaceResult
from engine.spec import RaceSpec, SchedulerSpec
from engine.training import TrainingSamples
from persistence.recording.recorder import Recorder
from persistence.settings import StorageSettings
from plugins.assemble import PreparedRace, prepare
from plugins.registry import Registry, load_registry

LANES = ("round_robin", "mct", "hybrid_ml")  # one of them learns while it races
TASKS = 1500
PACE = Pace(arrivals_wall_s=12.0, tail_wall_s=1.0)
LOOKS_EVERY_S = 0.01


def say(**facts: object) -> None:
    print(json.dumps({"at": time.monotonic(), **facts}), flush=True)


class Timed:
    """Hands everything to the recorder, and remembers the longest call and how many results were handed over."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.results = 0
        self.longest_s = 0.0

    def finished(self, rows: FinishedTasks) -> None:
        self._time(self.recorder.finished, rows)
        self.results += len(rows)

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        self._time(self.recorder.samples, scheduler, rows)

    def state(self, completions: int, clock_s: float) -> None:
        self._time(self.recorder.state, completions, clock_s)

    def metrics(self, series: MetricSeries) -> None:
        self._time(self.recorder.metrics, series)

    def result(self, result: RaceResult) -> None:
        self._time(self.recorder.result, result)

    def _time(self, call: Callable[..., None], *arguments: object) -> None:
        began = time.monotonic()
        call(*arguments)
        self.longest_s = max(self.longest_s, time.monotonic() - began)


def watch(timed: Timed, over: threading.Event) -> None:
    """Say it whenever what the user sees changes, and how many results no death can take any more.

    The last look is after the end: what is seen then stays on the screen.
    """
    recorder = timed.recorder
    problem, arriving, safe = "", False, 0
    last = False
    while not last:
        last = over.wait(LOOKS_EVERY_S)
        status, handed = recorder.status(), timed.results
        if (status.problem or "") != problem or (status.rows_written > 0) != arriving:
            problem, arriving = status.problem or "", status.rows_written > 0
            say(event="status", problem=problem, arriving=arriving)
        if handed > safe and recorder.sync(0.0):
            safe = handed
            say(event="safe", results=safe)


def race(
    prepared: PreparedRace, registry: Registry, settings: StorageSettings, run: str, control: Control[Frame]
) -> None:
    recorder = start_recording(prepared, settings, registry.storages, run)
    assert recorder is not None
    timed, over = Timed(recorder), threading.Event()
    watcher = threading.Thread(target=watch, args=(timed, over))
    watcher.start()
    say(event="racing", run=run)
    result = run_race(prepared, recorder=timed, control=control, frames=False, pace=PACE)
    ended = time.monotonic()
    status = recorder.close()
    closing_s = time.monotonic() - ended
    over.set()
    watcher.join()
    say(
        event="over",
        run=run,
        digest=result.digest,
        results=timed.results,
        longest_call_s=timed.longest_s,
        closing_s=closing_s,
        pending=status.rows_pending,
        problem=status.problem or "",
    )


def main() -> None:
    registry = load_registry(plugins=[])
    prepared = prepare(RaceSpec(schedulers=tuple(map(SchedulerSpec, LANES)), tasks=TASKS, seed=7), registry)
    unrecorded = run_race(prepared, recorder=None, control=Control(), frames=False, pace=None)
    say(event="ready", digest=unrecorded.digest)
    control: Control[Frame] = Control()
    racing: threading.Thread | None = None
    right_time, back_s = time.time, 0.0
    for line in sys.stdin:
        command, *words = line.split(maxsplit=1)
        if command == "record":
            where = json.loads(words[0])
            settings = StorageSettings("postgresql", data_dir=Path(where["data_dir"])).with_url(where["url"], "a test")
            os.environ.clear()
            os.environ.update(where["environment"])
            time.time, back_s = right_time, 0.0
        elif command == "race":
            if racing is not None:
                racing.join()
            control = Control()
            arguments = (prepared, registry, settings, words[0].strip(), control)
            racing = threading.Thread(target=race, args=arguments)
            racing.start()
        elif command == "finish":
            control.set_speed(math.inf)
        elif command == "clock":
            back_s += float(words[0])
            time.time = lambda back_s=back_s: right_time() + back_s  # type: ignore[misc]


if __name__ == "__main__":
    main()
