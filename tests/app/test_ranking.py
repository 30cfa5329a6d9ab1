"""What the ranking says beside its figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt

from app.charts.ranking_model import RankingModel
from app.findings import ranking_title
from app.texts import METRICS
from engine.cluster import Cluster, Device
from engine.frame import Frame
from engine.frames import FrameMaker
from engine.race import LaneSpec, Race
from engine.workload import workload
from plugins.schedulers.met import Met

ACROSS = Qt.Orientation.Horizontal


def test_the_tooltip_of_a_finished_policy_states_its_gap_to_the_bound() -> None:
    tasks = workload("two", ("cpu",), np.zeros(2), np.ones((2, 1)))
    race = Race(tasks, Cluster("one", (Device(0, "cpu-0", "cpu", "cpu"),)), [LaneSpec("met", Met())])
    maker, model = FrameMaker(race), RankingModel()

    def tooltip() -> str:
        model.show_lanes(maker.frame(None).lanes)
        return str(model.data(model.index(0, 1), Qt.ItemDataRole.ToolTipRole))

    assert "lower bound" not in tooltip()
    while race.advance():
        pass
    assert "mean response 0\u00a0% above the lower bound" in tooltip()


def test_policies_that_tie_are_said_to_and_below_zero_no_bar_is_drawn() -> None:
    tasks = workload("two", ("cpu",), np.zeros(2), np.ones((2, 1)))
    twice = [LaneSpec("met", Met()), LaneSpec("again", Met())]
    race = Race(tasks, Cluster("one", (Device(0, "cpu-0", "cpu", "cpu"),)), twice)
    while race.advance():
        pass
    frame = FrameMaker(race).frame(None)
    assert ranking_title(frame, "mean_response_s") == "All policies have the same mean response time: 1.50 s"
    model = RankingModel()
    regrets = [column for column in range(1, model.columnCount()) if "Regret" in str(model.headerData(column, ACROSS))]
    model.show_lanes(tuple(replace(lane, regret_s=s) for lane, s in zip(frame.lanes, (-4.0, 2.0), strict=True)))
    assert sorted(model.share(row, regrets[0]) for row in (0, 1)) == [0.0, 1.0]


def titled(**means: float) -> str:
    return ranking_title(frame_of(means), "mean_response_s")


def frame_of(figures: dict[str, float], key: str = "mean_response_s") -> Frame:
    tasks = workload("one", ("cpu",), np.zeros(1), np.ones((1, 1)))
    names = [LaneSpec(name, Met()) for name in figures]
    race = Race(tasks, Cluster("one", (Device(0, "cpu-0", "cpu", "cpu"),)), names)
    frame = FrameMaker(race).frame(None)
    lanes = (replace(lane, **{key: figures[lane.scheduler]}) for lane in frame.lanes)
    return replace(frame, lanes=tuple(lanes))


def test_the_title_names_the_references_that_the_ranking_shows_before_the_best() -> None:
    assert titled(mct=3.0, met=4.0, oracle=2.0) == (
        "After the reference oracle, mct has the lowest mean response time: 3.00 s"
    )
    assert titled(**{"mct": 3.0, "oracle": 2.0, "met+law": 2.5, "met+true": 3.0}).startswith(
        "After the references oracle and met+law, mct has"
    )
    assert titled(mct=3.0, oracle=3.1) == "mct has the lowest mean response time: 3.00 s"
    assert titled(oracle=2.0) == "oracle has the lowest mean response time: 2.00 s"


def test_the_title_tells_the_same_ties_as_the_headline() -> None:
    assert titled(mct=3.0, met=3.05, olb=4.0) == "mct and met tie for the lowest mean response time: 3.00 s"
    assert titled(mct=3.0, met=3.2) == "mct has the lowest mean response time: 3.00 s"
    frame = frame_of({"mct": -1.0, "met": -0.999, "oracle": 0.0}, "regret_s")
    lanes = (replace(lane, mean_response_s=5.0 + lane.regret_s) for lane in frame.lanes)
    assert (
        ranking_title(replace(frame, lanes=tuple(lanes)), "regret_s")
        == "mct and met tie for the lowest regret: -1.00 s"
    )


def test_energy_and_cost_that_a_cluster_does_not_state_are_not_shown_as_none_used() -> None:
    shown = {metric.key: (metric.show(0.0), metric.show(2500.0)) for metric in METRICS}
    assert shown["energy_j"] == ("–", "2.50 kJ") and shown["cost"] == ("–", "2,500")
    assert shown["mean_response_s"][0] == "0 s"
