"""One race from the first event to the last row: pace, pause, step, cancel, and what the receiver gets."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import pytest

from app.pace import Pace
from app.session import Timing, run_race
from engine.control import Control
from engine.frame import Frame
from engine.records import FinishedTasks, MetricSeries
from engine.results import RaceResult
from engine.spec import RaceSpec, SchedulerSpec
from engine.training import TrainingSamples
from plugins.assemble import PreparedRace, prepare
from plugins.registry import load_registry


class Kept:
    """A receiver that keeps what it is given."""

    def __init__(self) -> None:
        self.rows: dict[str, list[int]] = {}
        self.sampled: dict[str, int] = {}
        self.series: list[MetricSeries] = []
        self.results: list[RaceResult] = []

    def finished(self, rows: FinishedTasks) -> None:
        self.rows.setdefault(rows.scheduler, []).extend(rows.task.tolist())

    def state(self, completions: int, clock_s: float) -> None:
        self.completions, self.clock_s = completions, clock_s

    def samples(self, scheduler: str, rows: TrainingSamples) -> None:
        self.sampled[scheduler] = self.sampled.get(scheduler, 0) + len(rows)

    def metrics(self, series: MetricSeries) -> None:
        self.series.append(series)

    def result(self, result: RaceResult) -> None:
        self.results.append(result)


def prepared(*names: str, tasks: int = 200) -> PreparedRace:
    spec = RaceSpec(schedulers=tuple(SchedulerSpec(name) for name in names), tasks=tasks, seed=7)
    return prepare(spec, load_registry(plugins=[]))


def at_full_speed(race: PreparedRace) -> RaceResult:
    return run_race(race, recorder=None, control=Control(), frames=False, pace=None)


class Watched:
    """A race in a thread of its own, as the window has it, and a way to await what its frames show."""

    def __init__(self, race: PreparedRace, control: Control[Frame], pace: Pace | None) -> None:
        self.control = control
        self.news = threading.Condition()
        self.results: list[RaceResult] = []
        publish = control.publish

        def tell(frame: Frame) -> None:
            with self.news:
                publish(frame)
                self.news.notify_all()

        control.publish = tell  # type: ignore[method-assign]
        self.thread = threading.Thread(
            target=lambda: self.results.append(run_race(race, recorder=None, control=control, frames=True, pace=pace))
        )
        self.thread.start()

    def frame(self, wanted: Callable[[Frame], bool]) -> Frame:
        """Wait for a frame that is ``wanted``."""
        with self.news:
            assert self.news.wait_for(lambda: self.control.latest is not None and wanted(self.control.latest), 20)
            assert self.control.latest is not None
            return self.control.latest

    def result(self) -> RaceResult:
        self.thread.join(60)
        return self.results[0]


def test_the_receiver_gets_every_finished_task_once_and_then_the_result() -> None:
    kept = Kept()
    result = run_race(prepared("mct", "met"), recorder=kept, control=Control(), frames=False, pace=None)
    assert {name: sorted(rows) for name, rows in kept.rows.items()} == {
        "mct": list(range(200)),
        "met": list(range(200)),
    }
    assert kept.results == [result]
    assert {series.scheduler for series in kept.series} == {"mct", "met"}


def test_samples_of_a_learner_reach_the_receiver() -> None:
    kept = Kept()
    run_race(prepared("mct+forest"), recorder=kept, control=Control(), frames=False, pace=None)
    assert kept.sampled["mct+forest"] >= 200


def test_speed_frames_and_pauses_change_no_bit() -> None:
    race = prepared("mct", "mct+forest")
    control: Control[Frame] = Control()
    control.set_speed(40)
    watched = Watched(race, control, Pace())
    watched.frame(lambda frame: frame.completions > 20)
    control.pause()
    control.step()
    control.set_speed(math.inf)
    control.resume()
    assert watched.result().digest == at_full_speed(race).digest


def test_a_paused_race_moves_by_steps_only() -> None:
    control: Control[Frame] = Control()
    control.pause()
    watched = Watched(prepared("mct"), control, Pace())
    before = watched.frame(lambda _: True)
    assert before.completions == 0
    control.step()
    after = watched.frame(lambda frame: frame is not before)
    assert after.arrived <= 1
    control.set_speed(math.inf)
    control.resume()
    assert watched.result().rows[0].status == "finished"


def test_selecting_another_scheduler_shows_its_devices_also_while_paused() -> None:
    control: Control[Frame] = Control()
    control.pause()
    control.selected = "mct"
    watched = Watched(prepared("mct", "met"), control, Pace())
    watched.frame(lambda frame: frame.strip is not None and frame.strip.scheduler == "mct")
    control.selected = "met"
    watched.frame(lambda frame: frame.strip is not None and frame.strip.scheduler == "met")
    control.cancel()
    watched.result()


def test_a_cancelled_race_stops_its_lanes_and_keeps_what_they_finished() -> None:
    control: Control[Frame] = Control()
    watched = Watched(prepared("mct", tasks=2000), control, Pace())
    watched.frame(lambda frame: frame.completions > 5)
    control.cancel()
    row = watched.result().rows[0]
    assert row.status == "stopped"
    assert 5 < row.tasks < 2000


def test_the_last_frame_is_of_the_finished_race() -> None:
    control: Control[Frame] = Control()
    run_race(prepared("mct"), recorder=None, control=control, frames=True, pace=None)
    assert control.latest is not None
    assert control.latest.done
    assert control.latest.completions == 200


def test_tasks_that_all_arrive_at_once_do_not_stop_a_paced_race() -> None:
    race = prepare(
        RaceSpec(workload="cholesky", schedulers=(SchedulerSpec("mct"),), tasks=20), load_registry(plugins=[])
    )
    control: Control[Frame] = Control()
    result = run_race(race, recorder=None, control=control, frames=True, pace=Pace(0.2, 0.1))
    assert result.rows[0].status == "finished"


def test_the_default_pace_is_kept() -> None:
    race = prepared("mct", tasks=300)
    timing = Timing()
    run_race(race, recorder=None, control=Control(), frames=True, pace=Pace(0.9, 0.15), timing=timing)
    assert timing.race_s == pytest.approx(1.05, abs=0.4)
