"""What the ranking says beside its figures."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt

from app.charts.ranking import RankingModel
from engine.cluster import Cluster, Device
from engine.frames import FrameMaker
from engine.race import LaneSpec, Race
from engine.workload import workload
from plugins.schedulers.met import Met


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
