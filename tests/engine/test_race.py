"""What concerns several lanes at once: the reference of regret, the limit on real time."""

from __future__ import annotations

import numpy as np
import pytest
from engine_worlds import devices

import engine.race
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


def test_a_scheduler_that_is_too_slow_is_disqualified_and_the_race_is_not_reproducible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine.race, "_BLOCK_LIMIT_S", -1.0)
    result = finished(LaneSpec("met", Met())).result()
    assert result.rows[0].status == "disqualified"
    assert "too slow" in str(result.rows[0].reason)
    assert not result.reproducible
