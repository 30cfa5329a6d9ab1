"""The columns of shares say exactly what was placed, whatever the fractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import Cluster, Device
from engine.ledger import Ledger
from engine.task import TaskColumns
from engine.workload import workload

FRACTION = st.floats(min_value=5e-324, max_value=1.0, exclude_max=True)
Placements = list[tuple[tuple[int, float], ...]]
CLUSTER = Cluster("four", tuple(Device(i, f"cpu-{i}", "cpu", "cpu") for i in range(4)))
PLACEMENTS = st.one_of(
    st.just(((1, 1.0),)),
    FRACTION.map(lambda f: ((0, f), (2, 1.0 - f))),
    FRACTION.map(lambda f: ((2, 1.0 - f), (0, f))),
    st.tuples(FRACTION, FRACTION).map(lambda both: ((0, both[0]), (1, both[1]))),  # the ledger takes any
    st.tuples(FRACTION, FRACTION, FRACTION).map(lambda all_: tuple(zip((3, 0, 2), all_, strict=True))),
)


def filled(placements: Placements) -> Ledger:
    """Return a ledger of one task more than that."""
    ledger = Ledger(len(placements) + 1, 4, divisible=True)
    for task, shares in enumerate(placements):
        if len(shares) > 1:
            ledger.add_split(task, shares, float(task))
        else:
            ledger.device[task], ledger.placed_s[task] = shares[0][0], float(task)
    return ledger


@given(placements=st.lists(PLACEMENTS, min_size=1, max_size=8))
def test_a_ledger_returns_the_very_shares_that_were_placed(placements: Placements) -> None:
    ledger = filled(placements)
    parts = ledger.parts()
    for task, shares in enumerate(placements):
        numbers = ledger.parts_of(task)
        assert tuple((ledger.device[part], ledger.fraction(part)) for part in numbers) == shares
        assert [ledger.task_of(part) for part in numbers] == [task] * len(shares)
        mine = parts.task == task
        assert sorted(zip(parts.device[mine].tolist(), parts.fraction[mine].tolist(), strict=True)) == sorted(shares)
        assert (parts.placed_s[mine] == task).all()
    assert ledger.parts_of(len(placements)) == []


@given(placements=st.lists(PLACEMENTS, min_size=1, max_size=8))
def test_the_rows_of_finished_tasks_hold_each_share_in_its_place(placements: Placements) -> None:
    ledger = filled(placements)
    for task in reversed(range(len(placements))):
        for number, part in enumerate(ledger.parts_of(task)):
            ledger.start_s[part], ledger.end_s[part] = 10.0 * task + number, 10.0 * task + 2 * number + 1
            ledger.ended.append(part)
        ledger.finished.append(task)
    tasks = workload("any", ["cpu"], np.zeros(len(placements) + 1), np.ones((len(placements) + 1, 1)), divisible=True)
    rows = ledger.finished_tasks("x", 0, len(placements), TaskColumns(tasks), CLUSTER)
    for row, task in enumerate(rows.task.tolist()):
        shares, last = placements[task], len(placements[task]) - 1
        at = slice(rows.share_start[row], rows.share_start[row + 1])
        assert tuple(zip(rows.share_device[at].tolist(), rows.share_fraction[at].tolist(), strict=True)) == shares
        assert (rows.start_s[row], rows.finish_s[row]) == (10.0 * task, 10.0 * task + 2 * last + 1)


@given(shares=PLACEMENTS.filter(lambda shares: len(shares) > 1))
def test_a_placement_that_is_withdrawn_leaves_no_trace(shares: tuple[tuple[int, float], ...]) -> None:
    ledger = Ledger(2, 4, divisible=True)
    ledger.add_split(0, shares, 0.0)
    ledger.withdraw(0)
    assert ledger.parts_of(0) == [] and not len(ledger.parts().task)
    ledger.device[0] = 3
    assert ledger.parts_of(0) == [0] and ledger.fraction(0) == 1.0


@pytest.mark.parametrize("devices", [2, 127, 128, 32_768, 70_000])
def test_the_last_device_of_any_cluster_has_its_place(devices: int) -> None:
    ledger = Ledger(1, devices, divisible=False)
    ledger.device[0] = devices - 1
    np.testing.assert_array_equal(ledger.parts().device, [devices - 1])
