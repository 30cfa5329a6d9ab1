"""Races one spec without and with the window, in turns, both recording, and in the window unrecorded; prints a JSON
object a round.

``python -m tests.benchmarks.window_program ROUNDS TASKS SCHEDULER ...``, with folders of its own in the environment.
"""

from __future__ import annotations

import json
import math
import sys
import time

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer, SignalInstance

from app import session
from app.collecting import cycles_collected_here
from app.session import Timing, new_run_id, run_race, start_recording
from app.window.main_window import MainWindow
from app.window.opening import SWITCH_INTERVAL_S, make_window
from app.window.race_desk import not_recorded
from engine.control import Control
from engine.spec import RaceSpec, SchedulerSpec
from persistence.settings import load_settings
from plugins.assemble import prepare
from plugins.registry import load_registry

BEAT_MS = 10
USUAL_SWITCH_INTERVAL_S = sys.getswitchinterval()


class Observer(QObject):
    """Counts the paints of the curves, and how late a timer of 10 ms comes, while a race runs."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.paints = 0
        self.late_ms: list[float] = []
        self._before = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        window.race_tab.curves.viewport().installEventFilter(self)
        window.desk.runner.started.connect(self._begin)
        window.desk.runner.ended.connect(self._timer.stop)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._timer.isActive():
            self.paints += 1
        return False

    def _begin(self) -> None:
        self.paints, self.late_ms, self._before = 0, [], time.perf_counter()
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.late_ms.append(max(0.0, 1000 * (now - self._before) - BEAT_MS))
        self._before = now


def live_until(signal: SignalInstance) -> None:
    """Let the window live until it says so."""
    loop = QEventLoop()
    signal.connect(loop.quit)
    loop.exec()


def without_window(spec: RaceSpec) -> float:
    """Race as the command does; return the seconds of the race."""
    sys.setswitchinterval(USUAL_SWITCH_INTERVAL_S)
    registry, timing = load_registry(), Timing()
    prepared = prepare(spec, registry)
    recorder = start_recording(prepared, load_settings(), registry.storages, new_run_id())
    run_race(prepared, recorder=recorder, control=Control(), frames=False, pace=None, timing=timing)
    status = recorder.close()
    assert status.rows_pending == 0 and status.kind == "postgresql-embedded", status
    return timing.race_s


def with_window(spec: RaceSpec, window: MainWindow, timings: list[Timing]) -> float:
    """Race in the window, at full speed; return the seconds of the race."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    window.form.show_spec(spec)
    window.desk.set_speed(math.inf)
    window.desk.start()
    live_until(window.desk.over)
    return timings[-1].race_s


def unrecorded(spec: RaceSpec, window: MainWindow, timings: list[Timing]) -> float:
    """The same, with nothing recorded."""
    usual, window.desk.settings = window.desk.settings, not_recorded
    try:
        return with_window(spec, window, timings)
    finally:
        window.desk.settings = usual


def main() -> None:
    rounds, tasks, *schedulers = sys.argv[1:]
    spec = RaceSpec(tasks=int(tasks), load=0.8, seed=7, schedulers=tuple(SchedulerSpec(name) for name in schedulers))
    timings: list[Timing] = []

    def timed(*arguments: object, **options: object) -> object:
        timings.append(Timing())
        return run_race(*arguments, **options, timing=timings[-1])

    session.run_race = timed  # type: ignore[assignment]  # the window does not ask for it
    window, loop = make_window(), QEventLoop()
    window.when_furnished(loop.quit)
    window.show()
    loop.exec()
    with cycles_collected_here():  # as open_window does
        measure(window, spec, int(rounds), timings)
    window.close()


def measure(window: MainWindow, spec: RaceSpec, rounds: int, timings: list[Timing]) -> None:
    """Race in turns, and print."""
    observer = Observer(window)
    with_window(spec, window, timings)  # what is imported at the first race
    for _ in range(rounds):
        alone_s, unrecorded_s = without_window(spec), unrecorded(spec, window, timings)
        watched_s = with_window(spec, window, timings)
        late_ms = np.array(observer.late_ms)
        print(
            json.dumps(
                {
                    "alone_s": alone_s,
                    "watched_s": watched_s,
                    "unrecorded_s": unrecorded_s,
                    "frames_s": timings[-1].frames_s,
                    "frames_per_s": observer.paints / watched_s,
                    "late_p50_ms": float(np.quantile(late_ms, 0.5)),
                    "late_p99_ms": float(np.quantile(late_ms, 0.99)),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
