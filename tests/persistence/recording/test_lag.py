from __future__ import annotations

import pytest

from persistence.recording import lag as lag_module
from persistence.recording.lag import Lag


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(lag_module.time, "monotonic", lambda: now[0])
    return now


def test_the_lag_is_the_age_of_the_oldest_row_that_has_not_arrived(clock: list[float]) -> None:
    lag = Lag()
    for total, at in ((10, 1.0), (20, 2.0), (30, 3.0)):
        clock[0] = at
        lag.handed_over(total)
    clock[0] = 10.0
    assert [lag.seconds(arrived) for arrived in (0, 9, 10, 25)] == [9.0, 9.0, 8.0, 7.0]
    assert lag.seconds(30) == 0.0


def test_hours_without_a_storage_cost_no_memory_and_the_oldest_row_is_still_known(clock: list[float]) -> None:
    lag = Lag()
    for second in range(100_000):
        clock[0] = float(second)
        lag.handed_over(second + 1)
    assert len(lag._marks) <= 512
    assert lag.seconds(0) == 99_999.0
