"""The columns of shares say exactly what was placed, whatever the fractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import Ledger

FRACTION = st.floats(min_value=1e-12, max_value=1.0, exclude_max=True)
PLACEMENTS = st.one_of(
    st.just(((1, 1.0),)),
    FRACTION.map(lambda f: ((0, f), (2, 1.0 - f))),
    FRACTION.map(lambda f: ((2, 1.0 - f), (0, f))),
    st.tuples(FRACTION, FRACTION).map(lambda both: ((0, both[0]), (1, both[1]))),  # the ledger takes any
    st.tuples(FRACTION, FRACTION, FRACTION).map(lambda all_: tuple(zip((3, 0, 2), all_, strict=True))),
)


@given(placements=st.lists(PLACEMENTS, min_size=1, max_size=8))
def test_a_ledger_returns_the_very_shares_that_were_placed(placements: list[tuple[tuple[int, float], ...]]) -> None:
    ledger = Ledger(len(placements) + 1, 4)
    for task, shares in enumerate(placements):
        if len(shares) > 1:
            ledger.add_split(task, shares, float(task))
        else:
            ledger.device[task], ledger.placed_s[task] = shares[0][0], float(task)
    parts = ledger.parts()
    for task, shares in enumerate(placements):
        numbers = ledger.parts_of(task)
        assert tuple((ledger.device[part], ledger.fraction(part)) for part in numbers) == shares
        assert [ledger.task_of(part) for part in numbers] == [task] * len(shares)
        mine = parts.task == task
        assert sorted(zip(parts.device[mine].tolist(), parts.fraction[mine].tolist(), strict=True)) == sorted(shares)
        assert (parts.placed_s[mine] == task).all()
    assert ledger.parts_of(len(placements)) == []


@given(shares=PLACEMENTS.filter(lambda shares: len(shares) > 1))
def test_a_placement_that_is_withdrawn_leaves_no_trace(shares: tuple[tuple[int, float], ...]) -> None:
    ledger = Ledger(2, 4)
    ledger.add_split(0, shares, 0.0)
    ledger.withdraw(0)
    assert ledger.parts_of(0) == [] and not len(ledger.parts().task)
    ledger.device[0] = 3
    assert ledger.parts_of(0) == [0] and ledger.fraction(0) == 1.0


@pytest.mark.parametrize("devices", [2, 127, 128, 32_768, 70_000])
def test_the_last_device_of_any_cluster_has_its_place(devices: int) -> None:
    ledger = Ledger(1, devices)
    ledger.device[0] = devices - 1
    np.testing.assert_array_equal(ledger.parts().device, [devices - 1])
