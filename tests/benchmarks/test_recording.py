"""What recording into our own PostgreSQL costs the race, at the pace that people watch and at full speed, and being
watched by Prometheus."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from app.metrics_endpoint import RaceFigures, metrics_endpoint
from app.pace import Pace
from app.session import Timing, new_run_id, run_race, start_recording
from engine.control import Control
from engine.spec import RaceSpec, SchedulerSpec
from persistence.settings import load_settings
from plugins.assemble import PreparedRace, prepare
from plugins.registry import load_registry
from tests.benchmarks.timing import median_rounds

pytestmark = pytest.mark.benchmark

SIX = ("round_robin", "random", "met", "cpu_only", "gpu_only", "mct")
A_THIRD = Pace(arrivals_wall_s=6.0, tail_wall_s=1.0)
"""The default race in a third of its time: three times as many rows a second, so three times as hard."""


@dataclass
class Cost:
    """Seconds of one race: its wall time, the race thread's share of recording, the process's CPU, the last flush."""

    race_s: float
    recording_s: float
    cpu_s: float
    flush_s: float = 0.0
    braked_s: float = 0.0


def raced(prepared: PreparedRace, pace: Pace | None, recorded: bool) -> Cost:
    """Race once; every row that was recorded must have arrived in the database."""
    recorder = None
    if recorded:
        recorder = start_recording(prepared, load_settings(), load_registry(plugins=[]).storages, new_run_id())
        assert recorder is not None and recorder.sync()
    timing, cpu_began = Timing(), time.process_time()
    run_race(prepared, recorder=recorder, control=Control(), frames=False, pace=pace, timing=timing)
    cost = Cost(timing.race_s, timing.recording_s, time.process_time() - cpu_began)
    if recorder is not None:
        began = time.perf_counter()
        status = recorder.close(60.0)
        cost.flush_s, cost.braked_s = time.perf_counter() - began, recorder.braked_s
        rows = len(prepared.workload) * len(prepared.lanes)
        assert (status.kind, status.rows_written, status.rows_pending) == ("postgresql-embedded", rows, 0), status
    return cost


def race_of(tasks: int, *schedulers: str) -> PreparedRace:
    spec = RaceSpec(tasks=tasks, seed=7, schedulers=tuple(SchedulerSpec(name) for name in schedulers))
    return prepare(spec, load_registry(plugins=[]))


def test_recording_takes_at_most_5_percent_of_a_race_at_the_pace_that_people_watch():
    prepared = race_of(2000, "round_robin", "mct", "hybrid_ml", "oracle")
    raced(prepared, None, recorded=True)  # the server is made, and scikit-learn imported
    plain, recorded = (raced(prepared, A_THIRD, recorded) for recorded in (False, True))
    share = recorded.recording_s / recorded.race_s
    cpu_share = (recorded.cpu_s - plain.cpu_s) / recorded.race_s
    slower = recorded.race_s / plain.race_s - 1
    print(
        f"\ndefault race in {recorded.race_s:.1f} s: recording takes {share:.2%} of the race thread; it costs"
        f" {cpu_share:.1%} of a core in all threads; the race took {slower:+.1%} longer"
    )
    assert share <= 0.05
    assert slower <= 0.05


def test_recording_brakes_six_policies_at_full_speed_by_at_most_half():
    prepared = race_of(30_000, *SIX)
    raced(prepared, None, recorded=True)
    costs: list[Cost] = []

    def recorded() -> float:
        costs.append(raced(prepared, None, recorded=True))
        return costs[-1].race_s

    plain_s, recorded_s, ratio = median_rounds(lambda: raced(prepared, None, recorded=False).race_s, recorded)
    rows = len(prepared.workload) * len(prepared.lanes)
    flush_s, braked_s = (max(getattr(cost, name) for cost in costs) for name in ("flush_s", "braked_s"))
    print(
        f"\n{rows} rows at full speed: {rows / plain_s:.0f} rows/s unrecorded, {rows / recorded_s:.0f} recorded:"
        f" x{ratio:.2f}; braked by the disk for at most {braked_s:.2f} s; last flush at most {flush_s:.1f} s"
    )
    assert ratio <= 2.0


READER = """
import sys, time, urllib.request
while True:
    with urllib.request.urlopen(sys.argv[1], timeout=5) as page:
        page.read()
    print("read", flush=True)
    time.sleep(1)
"""


@contextmanager
def scraped() -> Iterator[RaceFigures]:
    """Figures that another program reads once a second, fifteen times as often as Prometheus does by itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with metrics_endpoint(port) as figures:
        command = [sys.executable, "-c", READER, f"http://127.0.0.1:{port}/metrics"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            try:
                assert reader.stdout is not None
                assert reader.stdout.readline() == "read\n"
                yield figures
            finally:
                reader.terminate()


def test_a_race_whose_metrics_are_read_every_second_costs_no_more():
    """In processor time of all its threads, in which the program that reads is not."""
    prepared = race_of(60_000, *SIX)

    def unrecorded(progress: Callable[[int], None] | None) -> float:
        began = time.process_time()
        run_race(prepared, recorder=None, control=Control(), frames=False, pace=None, progress=progress)
        return time.process_time() - began

    def read() -> float:
        with scraped() as figures:
            return unrecorded(figures.counting(None, None))

    unrecorded(None)
    plain_s, _, ratio = median_rounds(lambda: unrecorded(None), read, rounds=7)
    print(f"\nsix policies at full speed: {plain_s:.2f} s of processor time, their figures read: x{ratio:.3f}")
    assert ratio <= 1.05
