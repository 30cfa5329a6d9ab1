"""What concerns several lanes at once: the reference of regret, the end of idle power."""

from __future__ import annotations

import numpy as np
from engine_worlds import devices

from engine.frames import FrameMaker
from engine.pending import Pending
from engine.placement import on
from engine.race import LaneSpec, Race
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.workload import Workload, workload
from plugins.schedulers.met import Met


class FailsSecond(Scheduler):
    name = "fails_second"

    def place(self, pending: Pending, state: ClusterState):
        if state.arrivals > 1:
            raise ValueError("second task")
        yield on(pending.first, 0)


def ten_tasks() -> Workload:
    return workload("ten", ("cpu",), np.arange(10.0) * 2, np.ones((10, 1)))


def finished(*lanes: LaneSpec) -> Race:
    race = Race(ten_tasks(), devices({}), lanes)
    while race.advance(events=1):
        pass
    return race


def test_a_disqualified_oracle_is_no_reference_for_regret() -> None:
    oracle, met = finished(LaneSpec("oracle", FailsSecond()), LaneSpec("met", Met())).result().rows
    assert oracle.status == "disqualified"
    assert met.regret is None


def test_only_a_scheduler_that_has_finished_all_tasks_has_a_gap() -> None:
    race = Race(ten_tasks(), devices({}), [LaneSpec("fails", FailsSecond()), LaneSpec("met", Met())])
    race.advance(5.0)
    race.stop()
    assert [row.gap for row in race.result().rows] == [{"makespan": None, "mean_response": None}] * 2
    fails, met = finished(LaneSpec("fails", FailsSecond()), LaneSpec("met", Met())).result().rows
    assert fails.gap == {"makespan": None, "mean_response": None}
    assert met.gap == {"makespan": 0.0, "mean_response": 0.0}


def test_a_race_that_no_schedule_can_win_has_no_bound() -> None:
    tasks = workload("wide", ("cpu",), [0.0, 0.0], [[1.0], [1.0]], slots=[1, 2])
    race = Race(tasks, devices({}), [LaneSpec("met", Met())])
    while race.advance():
        pass
    assert race.result().bound is None


def test_a_disqualified_lane_draws_no_power_after_its_end() -> None:
    tasks = workload("dead", ("cpu",), np.arange(50.0) * 10, np.full((50, 1), 15.0))
    cluster = devices({"idle_w": 10.0, "active_w": 100.0})
    race = Race(tasks, cluster, [LaneSpec("bad", FailsSecond()), LaneSpec("met", Met())])
    maker = FrameMaker(race)
    energy_j = []
    for second in (100.0, 400.0):
        race.advance(second, 10**6)
        energy_j.append(maker.frame("bad").lanes[0].energy_j)
    assert energy_j[0] == energy_j[1]
