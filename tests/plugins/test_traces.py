"""What readers of traces share: the slice that races, the account of it, progress, and made-up GPU times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import Cancelled, InputError
from plugins.clusters import load_cluster
from plugins.workloads.invented import invented_gpu_s, lacks_gpu_times
from plugins.workloads.lines import open_lines
from plugins.workloads.trace import Account, TraceParams

ARRIVAL_S = np.array([30.0, 10.0, 20.0, 10.0, 40.0])


def test_the_rows_that_race_come_in_the_order_of_arrival_and_keep_the_file_order_at_ties() -> None:
    assert Account(Path("a")).choose(ARRIVAL_S, TraceParams(), None).tolist() == [1, 3, 2, 0, 4]


def test_slice_skip_and_first_n_are_taken_in_this_order_and_all_that_is_left_out_is_accounted_for() -> None:
    account = Account(Path("/x/log.swf"), "jobs")
    account.leave_out("with a negative run time", 2)
    chosen = account.choose(ARRIVAL_S, TraceParams(from_s=10.0, until_s=40.0, skip=1), 2)
    assert chosen.tolist() == [3, 2]
    (note,) = account.notes()
    assert note.startswith("Read 7 jobs from 'log.swf': 2 race, 5 were left out: ")
    for reason in (
        "2 with a negative run time",
        "1 arrive outside of the slice",
        "1 passed over",
        "1 after the first 2",
    ):
        assert reason in note


def test_a_slice_without_tasks_is_refused_with_what_was_read() -> None:
    with pytest.raises(InputError, match=r"no jobs left to race.*Read 5 jobs"):
        Account(Path("log.swf"), "jobs").choose(ARRIVAL_S, TraceParams(from_s=50.0), None)


def test_a_slice_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InputError, match=r"from 200 to 100 s is empty: until_s must be above from_s"):
        Account(Path("log.swf")).choose(ARRIVAL_S, TraceParams(from_s=200.0, until_s=100.0), None)


def test_who_asks_for_more_tasks_than_there_are_is_told() -> None:
    account = Account(Path("log.swf"), "jobs")
    account.choose(ARRIVAL_S, TraceParams(), 9)
    assert account.notes()[-1] == "You asked for 9 jobs; there are 5."


def test_progress_grows_to_the_whole_file_and_cancelling_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("a line of text\n" * 20_000)
    shares: list[float] = []
    with open_lines(path, shares.append) as lines:
        assert sum(1 for _ in lines) == 20_000
    assert shares == sorted(shares) and len(shares) == 10 and shares[-1] > 0.8

    def stop(share: float) -> None:
        if share > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled), open_lines(path, stop) as lines:
        list(lines)


def test_a_binary_or_missing_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00\x9f")
    with pytest.raises(InputError, match="not UTF-8"), open_lines(path) as lines:
        list(lines)
    with pytest.raises(InputError, match="cannot be read"), open_lines(tmp_path / "gone") as lines:
        list(lines)


def test_made_up_gpu_times_are_faster_between_one_and_ten_times_seeded_and_owned_up_to() -> None:
    account = Account(Path("log"))
    cpu_s = np.full(2000, 100.0)
    gpu_s = invented_gpu_s(cpu_s, 3, account)
    assert ((gpu_s > 10.0) & (gpu_s < 100.0)).all()
    assert (gpu_s == invented_gpu_s(cpu_s, 3, account)).all()
    assert (gpu_s != invented_gpu_s(cpu_s, 4, account)).any()
    assert 0.65 < np.mean(cpu_s / gpu_s > 5) < 0.75  # the share of tasks suited to GPUs
    assert "made up" in account.notes()[-1]


def test_only_a_cluster_with_gpus_of_unknown_times_needs_made_up_ones() -> None:
    default = load_cluster("default")
    assert lacks_gpu_times(default, ("cpu",))
    assert not lacks_gpu_times(default, ("cpu", "gpu"))
    assert not lacks_gpu_times(load_cluster("processors:64"), ("cpu",))


@pytest.mark.parametrize("text", ["processors:0", "processors:x", "machines:-3", "processors:"])
def test_a_counted_cluster_needs_a_whole_number(text: str) -> None:
    with pytest.raises(InputError, match="whole number from 1"):
        load_cluster(text)


def test_counted_clusters_are_a_pool_of_processors_and_machines_of_a_model_each() -> None:
    (pool,) = load_cluster("processors:256").devices
    assert (pool.slots, pool.kind, pool.model) == (256, "cpu", "cpu")
    assert [d.model for d in load_cluster("machines:3").devices] == ["m0", "m1", "m2"]
