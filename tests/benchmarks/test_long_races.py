"""A race a hundred times as long takes a hundred times as long, in a known amount of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.long_races import RACES
from tests.benchmarks.timing import median_rounds, seconds_of

pytestmark = pytest.mark.benchmark

SHORT, LONG = 10_000, 1_000_000
TRACED = 200_000  # a million take five times the time, and as many bytes each

MOST_BYTES = 64
SLACK_BYTES = 100_000
MOST_BYTES_WAITING = 400
"""Of a share that waits: its entry in a queue, with the numbers in it."""


@pytest.mark.parametrize("name", RACES)
def test_a_task_of_a_million_takes_at_most_1_3_times_as_long_as_one_of_ten_thousand(name: str) -> None:
    race = RACES[name]
    short, long = race.tasks(SHORT), race.tasks(LONG)

    def ten_short_ones() -> None:
        for _ in range(10):
            race.run(*short)

    # three rounds: one takes about half a minute
    ten_s, long_s, ratio = median_rounds(
        lambda: seconds_of(ten_short_ones), lambda: seconds_of(lambda: race.run(*long)), rounds=3
    )
    growth = ratio * 10 * SHORT / LONG
    print(
        f"\n{name}: {ten_s / (10 * SHORT) * 1e6:.1f} us a task of {SHORT}, {long_s / LONG * 1e6:.1f} of {LONG}: "
        f"x{growth:.2f}"
    )
    assert growth <= 1.3


@pytest.mark.parametrize("name", RACES)
def test_a_policy_holds_at_most_64_bytes_a_task_beyond_the_tasks_themselves_and_those_that_wait(name: str) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.long_races", name, str(TRACED)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=os.environ, cwd=root)
    assert done.returncode == 0, done.stderr
    size = json.loads(done.stdout)
    held = size["held"] / TRACED
    each = (size["most"] - size["held"]) / max(size["waiting"], 1)
    print(f"\n{name}: {held:.1f} bytes a task; {size['waiting']} shares waited at most, {each:.0f} bytes each")
    assert held <= MOST_BYTES
    assert size["most"] - size["held"] <= MOST_BYTES_WAITING * size["waiting"] + SLACK_BYTES
