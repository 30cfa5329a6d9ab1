"""Code that never answers is interrupted, costs its own lane only, and nothing of it is left behind."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_worlds import devices

from engine import watchdog
from engine.completion import Completion
from engine.estimator import Estimator, Seconds
from engine.frames import FrameMaker
from engine.pending import Pending
from engine.placement import Placement, on
from engine.race import LaneSpec, Race
from engine.results import RaceResult, SchedulerResult
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task
from engine.watchdog import Interrupted, Interruption, TooSlowError, Watchdog, call_within
from engine.workload import Workload, workload
from plugins.schedulers.mct import Mct
from plugins.schedulers.met import Met

LIMIT_S = 0.3
CLUSTER = devices({"slots": 2}, {"kind": "gpu"})
HERE = Path(__file__).name


@pytest.fixture(autouse=True)
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often enough for limits as short as a test's."""
    monkeypatch.setattr(watchdog, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(watchdog, "_AGAIN_EVERY_S", 0.002)
    monkeypatch.setattr(watchdog, "GRACE_S", LIMIT_S)


def thirty_tasks() -> Workload:
    return workload("thirty", ("cpu", "gpu"), np.arange(30.0), np.column_stack([np.full(30, 3.0), np.full(30, 1.0)]))


def endless() -> None:
    while True:
        pass


def work_for(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


class Stuck(Scheduler):
    """Places ten tasks and then never answers."""

    name = "stuck"

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for task in pending:
            if task.index == 10:
                endless()
            yield on(task, 0)


class StuckInTheEngine(Stuck):
    """Never answers either, but is inside a call of the engine nearly always."""

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        while True:
            state.available_at(0)


class Stubborn(Stuck):
    """Catches what interrupts it, five times."""

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        for _ in range(5):
            try:
                endless()
            except BaseException:
                continue
        endless()
        return []


class HardOfHearing(Stuck):
    """Catches what interrupts it, and answers then."""

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        try:
            endless()
        except BaseException:
            return [on(task, 0) for task in pending]


class StuckObserver(Met):
    def observe(self, completion: Completion) -> None:
        endless()


class StuckEstimator(Estimator):
    name = "stuck"

    def seconds(self, task: Task) -> Seconds:
        endless()
        return []


STUCK: dict[str, Callable[[], LaneSpec]] = {
    "in place()": lambda: LaneSpec("stuck", Stuck()),
    "in calls of the state": lambda: LaneSpec("stuck", StuckInTheEngine()),
    "in observe()": lambda: LaneSpec("stuck", StuckObserver()),
    "in its estimator": lambda: LaneSpec("stuck", Mct(), StuckEstimator),
    "and is stubborn": lambda: LaneSpec("stuck", Stubborn()),
    "until it is interrupted": lambda: LaneSpec("stuck", HardOfHearing()),
}


def good() -> list[LaneSpec]:
    return [LaneSpec("mct", Mct()), LaneSpec("met", Met())]


def raced(lanes: list[LaneSpec], dog: Watchdog) -> RaceResult:
    race = Race(thirty_tasks(), CLUSTER, lanes)
    with dog as race.watchdog:
        while race.advance(events=50):
            race.take_finished()
    return race.result()


def rows(result: RaceResult) -> dict[str, SchedulerResult]:
    return {row.name: row for row in result.rows}


@pytest.mark.parametrize("where", STUCK)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_policy_that_never_answers_loses_its_lane_and_the_others_keep_their_bits(where: str, first: bool) -> None:
    stuck = STUCK[where]()
    result = raced([stuck, *good()] if first else [*good(), stuck], Watchdog(LIMIT_S))
    got, alone = rows(result), rows(raced(good(), Watchdog()))
    assert got["stuck"].status == "disqualified"
    assert str(got["stuck"].reason).startswith("too slow: it never answered within 0.3 s")
    assert not result.reproducible
    assert got["mct"] == alone["mct"]
    assert got["met"] == alone["met"]
    assert alone["mct"].status == "finished"


def test_the_reason_names_the_file_and_the_line_where_it_was_stuck_without_the_folder() -> None:
    row = raced([LaneSpec("stuck", Stuck())], Watchdog(LIMIT_S)).rows[0]
    line = Path(__file__).read_text(encoding="utf-8").splitlines().index("    while True:") + 1
    assert row.reason in (
        f"too slow: it never answered within 0.3 s of real time at {HERE}, line {at}" for at in (line, line + 1)
    )
    assert "in endless" in str(row.traceback)
    assert row.tasks > 0


def test_a_slow_policy_that_answers_each_call_in_time_races_on_however_long_a_block_takes() -> None:
    class Slow(Met):
        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            work_for(LIMIT_S / 10)
            return super().place(pending, state)

    began = time.perf_counter()
    race = Race(thirty_tasks(), CLUSTER, [LaneSpec("slow", Slow())])
    with Watchdog(LIMIT_S) as race.watchdog:
        race.advance(events=10**6)
    assert time.perf_counter() - began > 2 * LIMIT_S
    assert race.result().rows[0].status == "finished"
    assert race.result().reproducible


@pytest.mark.parametrize("where", STUCK)
def test_a_cancel_interrupts_a_stuck_policy_after_its_grace_and_stops_it(where: str) -> None:
    asked = time.perf_counter() + 0.1
    result = raced([STUCK[where](), *good()], Watchdog(cancelled=lambda: time.perf_counter() > asked))
    assert time.perf_counter() > asked + LIMIT_S
    assert rows(result)["stuck"].status == "stopped"
    assert rows(result)["stuck"].reason is None
    assert result.reproducible


def test_watching_changes_no_bit() -> None:
    race = Race(thirty_tasks(), CLUSTER, good())
    while race.advance(events=50):
        pass
    assert race.result() == raced(good(), Watchdog())


def test_an_exception_names_the_line_of_the_policy_and_not_of_what_it_called() -> None:
    class Wrong(Scheduler):
        name = "wrong"

        def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
            np.zeros(2).reshape(3)
            return []

    row = raced([LaneSpec("wrong", Wrong())], Watchdog()).rows[0]
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    line = lines.index("            np.zeros(2).reshape(3)") + 1
    assert str(row.reason).startswith("it raised ValueError: cannot reshape")
    assert str(row.reason).endswith(f" at {HERE}, line {line}")


@pytest.fixture
def _frantic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look without any rest; with a limit of 0 every call is then too slow at once.

    Some exceptions then appear while Python clears up after a generator, where it ignores them.
    """
    ignored: list[sys.UnraisableHookArgs] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    monkeypatch.setattr(watchdog, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(watchdog, "_AGAIN_EVERY_S", 0.0)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)
    assert all(each.exc_type is Interrupted for each in ignored)


@pytest.mark.usefixtures("_frantic")
def test_no_interruption_is_left_over_when_a_call_is_over() -> None:
    ends = {"answered": 0, "interrupted": 0}
    rng = np.random.default_rng(1)
    with Watchdog(0.0) as dog:
        for length in rng.integers(1, 4000, 1000).tolist():
            answer = dog.watch(lambda length=length: sum(len(str(i)) for i in range(length)))  # type: ignore[misc]
            ends["interrupted" if isinstance(answer, Interruption) else "answered"] += 1
            for _ in range(50):  # an exception that is still pending would appear here
                len(str(length))
    assert ends["answered"] > 10
    assert ends["interrupted"] > 10


@pytest.mark.usefixtures("_frantic")
def test_an_interrupted_lane_has_whole_books() -> None:
    for _ in range(100):
        race = Race(thirty_tasks(), CLUSTER, good())
        with Watchdog(0.0) as race.watchdog:
            while race.advance(events=7):
                pass
        FrameMaker(race).frame("mct")
        for lane, row in zip(race.lanes, race.result().rows, strict=True):
            assert row.status in ("finished", "disqualified")
            assert lane.simulation.completions == len(lane.simulation.ledger.finished) == row.tasks


def test_a_call_that_ends_in_time_gives_its_answer_or_its_error() -> None:
    assert call_within(60.0, lambda: 7, "Counting") == 7
    with pytest.raises(ZeroDivisionError):
        call_within(60.0, lambda: 1 // 0, "Dividing")


def test_a_call_that_does_not_end_is_named() -> None:
    with pytest.raises(TooSlowError, match=r"^Waiting did not end within 0 s\. Look for a loop"):
        call_within(0.1, endless, "Waiting")


@pytest.mark.usefixtures("_frantic")
def test_an_interruption_leaves_nothing_behind_that_a_debugger_would_hang_on() -> None:
    """An exception that is cleared instead of raised keeps CPython 3.11 looking for it: traced code then never ends."""

    def trace(*_: Any) -> Any:
        return trace

    interrupted, began = 0, time.monotonic()
    with Watchdog(0.0) as dog:
        for length in itertools.cycle(range(1, 3000, 10)):  # how many are hit depends on the machine
            answer = dog.watch(lambda length=length: sum(len(str(i)) for i in range(length)))  # type: ignore[misc]
            interrupted += isinstance(answer, Interruption)
            if interrupted > 10:
                break
            assert time.monotonic() < began + 30.0, "hardly any call was interrupted"
    sys.settrace(trace)
    try:
        [len(str(i)) for i in range(3)]
    finally:
        sys.settrace(None)
