"""HEFT's ten-task graph: Topcuoglu, Hariri & Wu, IEEE TPDS 13(3), 2002, figure 2 and table 1 (makespan 80)."""

from __future__ import annotations

import pytest

from engine.cluster import Cluster, Device, Link
from engine.race import LaneSpec, Race
from engine.records import placement_texts
from engine.simulation import Simulation
from engine.workload import Workload, workload
from plugins.schedulers.heft import Heft

COST_S = {  # task: seconds on P1, P2, P3
    1: (14, 16, 9), 2: (13, 19, 18), 3: (11, 13, 19), 4: (13, 8, 17), 5: (12, 13, 10),
    6: (13, 16, 9), 7: (7, 15, 11), 8: (5, 11, 14), 9: (18, 12, 20), 10: (21, 7, 16),
}  # fmt: skip
DATA = {  # (parent, child): seconds between two processors
    (1, 2): 18, (1, 3): 12, (1, 4): 9, (1, 5): 11, (1, 6): 14, (2, 8): 19, (2, 9): 16, (3, 7): 23,
    (4, 8): 27, (4, 9): 23, (5, 9): 13, (6, 8): 15, (7, 10): 17, (8, 10): 11, (9, 10): 13,
}  # fmt: skip
SCHEDULE = {  # task: (processor, start, end)
    1: (3, 0, 9), 4: (2, 18, 26), 3: (3, 9, 28), 2: (1, 27, 40), 5: (3, 28, 38),
    6: (2, 26, 42), 9: (2, 56, 68), 7: (3, 38, 49), 8: (1, 57, 62), 10: (2, 73, 80),
}  # fmt: skip


def ten_tasks() -> Workload:
    parents = [[p - 1 for (p, c) in DATA if c == task] for task in COST_S]
    sizes = [[DATA[p + 1, task] for p in row] for task, row in zip(COST_S, parents, strict=True)]
    return workload(
        "Topcuoglu 2002", ("P1", "P2", "P3"), [0.0] * 10, list(COST_S.values()), parents=parents, parents_gb=sizes
    )


def three_processors() -> Cluster:
    processors = tuple(Device(i, f"P{i + 1}", "cpu", f"P{i + 1}") for i in range(3))
    return Cluster("three processors", processors, Link(gb_s=1.0))


def test_heft_on_the_ten_task_graph_gives_the_published_schedule_and_makespan_80() -> None:
    race = Race(ten_tasks(), three_processors(), [LaneSpec("heft", Heft())])
    race.advance(events=1000)
    (row,) = race.result().rows
    assert row.status == "finished"
    assert row.makespan_s == 80.0
    (done,) = race.take_finished()
    where = [int(text[1]) for text in placement_texts(done, ["P1", "P2", "P3"])]
    got = zip(done.task.tolist(), where, done.start_s.tolist(), done.finish_s.tolist(), strict=True)
    assert {task + 1: rest for task, *rest in got} == {task: list(row) for task, row in SCHEDULE.items()}


def test_heft_runs_as_it_planned_when_the_times_are_known() -> None:
    simulation = Simulation(ten_tasks(), three_processors(), Heft(), "true")
    simulation.advance()
    assert simulation.now_s == 80.0


def test_the_graph_typed_in_here_is_the_one_in_the_shared_reference(shared_reference: dict) -> None:
    assert {int(k): tuple(v) for k, v in shared_reference["cost"].items()} == COST_S
    assert {(p, c): gb for p, c, gb in shared_reference["edges"]} == DATA
    assert shared_reference["expected"]["HEFT"] == 80


@pytest.fixture
def shared_reference() -> dict:
    import json
    from pathlib import Path

    file = Path(__file__).parents[2] / "../shared/reference/topcuoglu_10task.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not there (../shared is handed over beside the repository)")
    return json.loads(file.read_text())
