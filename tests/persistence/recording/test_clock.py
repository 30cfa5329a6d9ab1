"""The clock that rows are stamped with never goes back, whatever the machine's does."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from persistence.recording.clock import ForwardClock


def test_while_a_clock_that_was_set_back_is_behind_the_time_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = iter([1000.0, 1001.0, 400.0, 401.0, 1002.0])
    monkeypatch.setattr(time, "time", lambda: next(wall))
    clock = ForwardClock(datetime.fromtimestamp(999.0, UTC))
    assert [clock.now() for _ in range(5)] == [1000.0, 1001.0, 1001.0, 1001.0, 1002.0]


def test_nothing_is_older_than_the_start_of_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    monkeypatch.setattr(time, "time", lambda: start.timestamp() - 3600.0)
    assert ForwardClock(start).date() == start
