"""The training window: always the same rows, and the samples that a run teaches."""

from __future__ import annotations

import numpy as np
import pytest
from engine_worlds import devices, laws
from hypothesis import given
from hypothesis import strategies as st

from engine.completion import Completion
from engine.estimator import Estimator, EstimatorContext, Seconds
from engine.race import LaneSpec, Race
from engine.task import Task
from engine.training import TrainingLog
from engine.workload import workload
from plugins.schedulers.mct import Mct

FEATURES = np.arange(200.0).reshape(100, 2)


@laws(100)
@given(st.lists(st.integers(1, 3), max_size=40), st.integers(0, 50), st.integers(0, 60))
def test_the_window_holds_the_last_rows_up_to_a_completion_oldest_first(
    shares: list[int], up_to: int, limit: int
) -> None:
    log = TrainingLog(FEATURES)
    rows = []
    for completion, count in enumerate(shares, start=1):
        for share in range(count):
            row = (completion, completion % 7, share, 1.0 / count, 2.0 * completion, 3.0 * completion)
            log.append(*row)
            rows.append(row)
    expected = [(i, *row) for i, row in enumerate(rows, start=1) if row[0] <= up_to]
    expected = expected[max(0, len(expected) - limit) :]
    got = log.latest(up_to, limit)
    columns = (got.sample, got.completion, got.task, got.model, got.fraction, got.nominal_s, got.work_s)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == expected
    assert np.array_equal(got.features, FEATURES[got.task])
    assert len(got) == len(expected)


def test_what_is_handed_to_the_recorder_comes_once_and_stays_in_the_window() -> None:
    log = TrainingLog(FEATURES)
    assert log.take_new() is None
    for completion in (1, 2):
        log.append(completion, 0, 0, 1.0, 1.0, 1.0)
    first = log.take_new()
    assert first is not None
    assert first.sample.tolist() == [1, 2]
    assert log.take_new() is None
    log.append(3, 0, 0, 1.0, 1.0, 1.0)
    second = log.take_new()
    assert second is not None
    assert second.sample.tolist() == [3]
    assert log.latest(99, 99).sample.tolist() == [1, 2, 3]


class Reading(Estimator):
    """Answers the nominal seconds and keeps what it is told."""

    name = "reading"
    learns = True

    def __init__(self, context: EstimatorContext) -> None:
        super().__init__(context)
        self.seen: list[Completion] = []

    def seconds(self, task: Task) -> Seconds:
        return self.context.nominal_s[task.index].tolist()

    def observe(self, completion: Completion) -> None:
        assert int(self.context.window.latest(completion.number, 9).completion[-1]) == completion.number
        self.seen.append(completion)


def test_each_share_teaches_the_true_seconds_of_the_whole_task_at_speed_1() -> None:
    rng = np.random.default_rng(3)
    actual_s = rng.uniform(1, 9, (40, 2))
    tasks = workload(
        "teach", ("cpu", "gpu"), np.arange(40) * 2.0, actual_s, etc_s=rng.uniform(1, 9, (40, 2)),
        divisible=True, transfer_gb=0.5, features=rng.random((40, 3)), feature_names="abc",
    )  # fmt: skip
    cluster = devices({"speed": 2.0}, {"kind": "gpu", "speed": 0.5, "link_gb_s": 4.0, "link_latency_s": 0.1})
    race = Race(tasks, cluster, [LaneSpec("reading", Mct(), Reading)])
    while race.advance(events=7):
        pass
    reading = race.lanes[0].simulation.estimator
    window = race.lanes[0].simulation.samples
    assert window is not None
    samples = window.latest(40, 1000)
    assert set(samples.completion.tolist()) == set(range(1, 41))
    assert (samples.fraction < 1).any()
    assert samples.work_s == pytest.approx(actual_s[samples.task, samples.model], rel=1e-9)
    assert samples.nominal_s.tolist() == tasks.etc_s[samples.task, samples.model].tolist()
    handed = [rows for label, rows in race.take_samples() if label == "reading"]
    assert sum(len(rows) for rows in handed) == len(samples)
    assert race.take_samples() == []
    race.close()
    assert reading is not None


def test_a_learner_that_only_reads_its_window_gets_its_samples_too() -> None:
    class Silent(Estimator):
        name = "silent"
        learns = True

        def seconds(self, task: Task) -> Seconds:
            return [1.0]

    race = Race(workload("one", ("cpu",), [0.0], [[2.0]]), devices({}), [LaneSpec("silent", Mct(), Silent)])
    while race.advance():
        pass
    ((label, rows),) = race.take_samples()
    assert (label, rows.work_s.tolist()) == ("silent", [2.0])
