"""What making the journal durable costs, by the three policies that the settings offer."""

from __future__ import annotations

import statistics
import time
from functools import partial
from pathlib import Path

import pytest

from app.session import Timing, new_run_id, run_race, start_recording
from engine.control import Control
from engine.spec import RaceSpec, SchedulerSpec
from persistence.journal.files import Journal
from persistence.journal.rows import result_rows, timestamp
from persistence.settings import JOURNAL_SYNC, StorageSettings
from plugins.assemble import prepare
from plugins.registry import load_registry
from tests.benchmarks.test_recording import SIX
from tests.benchmarks.timing import alternated, print_table, times
from tests.persistence.records import DEVICES, PLUGINS, finished, header

pytestmark = pytest.mark.benchmark

ROUNDS = 5
BATCHES = 200
ROWS = 50
"""The smallest batch: what a watched race writes. At full speed up to 20,000 rows share one fdatasync."""


def seconds_of_batches(folder: Path, policy: str, rows: bytes) -> list[float]:
    """Return how long each batch of a fresh journal took."""
    journal = Journal.create(folder, header(), policy)
    took = []
    for _ in range(BATCHES):
        began = time.perf_counter()
        journal.append({"scheduler_results": rows})
        took.append(time.perf_counter() - began)
    journal.make_durable()
    journal.close()
    return took


def test_what_each_policy_costs_a_row(tmp_path: Path) -> None:
    rows = result_rows([(finished(0, ROWS), timestamp())], DEVICES)
    took: dict[str, list[list[float]]] = {policy: [] for policy in JOURNAL_SYNC}
    for _ in range(ROUNDS):
        for policy in JOURNAL_SYNC:
            took[policy].append(seconds_of_batches(tmp_path, policy, rows))
    cost = {policy: statistics.median(sum(each) for each in took[policy]) / BATCHES / ROWS for policy in JOURNAL_SYNC}
    table = [("", "us/row", "ratio", "99th percentile of a batch, ms")]
    for policy in JOURNAL_SYNC:
        p99_s = statistics.median(sorted(each)[int(0.99 * BATCHES)] for each in took[policy])
        ratio = cost[policy] / cost["system"]
        table.append((policy, f"{1e6 * cost[policy]:.2f}", f"x{ratio:.1f}", f"{1e3 * p99_s:.2f}"))
    print_table(f"{ROWS} rows a batch, {len(rows) / ROWS:.0f} bytes a row", table)
    assert cost["system"] <= cost["group"] <= cost["each"]


def test_what_each_policy_costs_a_race_at_full_speed(tmp_path: Path) -> None:
    prepared = prepare(RaceSpec(schedulers=tuple(map(SchedulerSpec, SIX)), tasks=10_000), load_registry(plugins=[]))

    def raced(policy: str) -> float:
        settings = StorageSettings("csv", data_dir=tmp_path, journal_sync=policy)
        recorder = start_recording(prepared, settings, PLUGINS, new_run_id())
        assert recorder is not None and recorder.sync()
        timing = Timing()
        run_race(prepared, recorder=recorder, control=Control(), frames=False, pace=None, timing=timing)
        assert recorder.close(60.0).rows_written == len(SIX) * 10_000
        return timing.race_s

    seconds = alternated({policy: partial(raced, policy) for policy in JOURNAL_SYNC}, ROUNDS)
    against = {policy: times(seconds["system"], seconds[policy]) for policy in JOURNAL_SYNC}
    print_table(
        "six policies at full speed, against what is left to the system",
        [(policy, f"x{ratio:.2f}") for policy, ratio in against.items()],
    )
    assert against["each"] <= 1.5
