"""The window over all runs: the same rows from the database, from the journals, and from both together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest

from engine.errors import InputError
from engine.training import TrainingSamples
from persistence.errors import JournalError
from persistence.journal.rows import sample_rows, timestamp
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.recording.wanted_again import want_again
from persistence.run import RunHeader, new_run_id
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, header, training_log
from tests.persistence.test_window import assert_equal

Execute = Callable[..., list[tuple[object, ...]]]
LIMITS = (1, 7, 120, 1000, 100_000)


def part(rows: TrainingSamples, first: int, last: int) -> TrainingSamples:
    return TrainingSamples(**{f.name: getattr(rows, f.name)[first:last] for f in fields(rows)})


def record(settings: StorageSettings, of: RunHeader, *seeds: int) -> list[TrainingSamples]:
    """Record two learners a seed in turns of 40 samples; return these in the order in which they were recorded."""
    recorder = Recorder(open_storage(settings, PLUGINS), of)
    turns = []
    logs = {f"mct+{seed}": training_log(150, seed).latest(10**9, 10**9) for seed in seeds}
    for first in range(0, 200, 40):
        for name, rows in logs.items():
            turns.append(part(rows, first, first + 40))
            recorder.samples(name, turns[-1])
    assert recorder.close().problem is None
    return turns


def later(of: RunHeader, hours: int, **changes: object) -> RunHeader:
    started_at = of.started_at + timedelta(hours=hours)
    return replace(of, run=new_run_id(started_at), started_at=started_at, **changes)  # type: ignore[arg-type]


def joined(turns: list[TrainingSamples], limit: int) -> TrainingSamples:
    columns = {f.name: np.concatenate([getattr(turn, f.name) for turn in turns]) for f in fields(TrainingSamples)}
    return TrainingSamples(**{name: column[-limit:] for name, column in columns.items()})


def newest(settings: StorageSettings, limit: int) -> TrainingSamples:
    service = SimulationDataService.open(settings)
    try:
        return service.get_latest_training_data(limit=limit)
    finally:
        service.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with other work may need more than 50 ms to connect."""
    monkeypatch.setattr("persistence.window.ANSWER_S", 20.0)


@pytest.fixture
def turns(settings: StorageSettings) -> list[TrainingSamples]:
    """Two runs of the same features, and between them one of others."""
    first = header()
    turns = record(settings, first, 1, 2)
    record(settings, later(first, 1, models=("cpu", "tpu")), 3)
    return turns + record(settings, later(first, 2), 4)


def test_database_and_journals_give_the_newest_samples_of_the_newest_runs_kind(
    settings: StorageSettings, turns: list[TrainingSamples], database_url: str, execute: Execute
) -> None:
    alone = replace(settings, kind="csv")
    for limit in LIMITS:
        expected = joined(turns, limit)
        assert_equal(newest(settings, limit), expected)
        assert_equal(newest(alone, limit), expected)
    shutil.rmtree(settings.runs_dir)  # the answers came from where they should
    for limit in LIMITS:
        assert_equal(newest(settings, limit), joined(turns, limit))
        assert len(newest(alone, limit)) == 0


def test_what_has_not_arrived_comes_from_the_journals(
    settings: StorageSettings, turns: list[TrainingSamples], database_url: str, execute: Execute
) -> None:
    runs = [run for (run,) in execute("SELECT run FROM schedrace.runs ORDER BY started_at", database_url)]
    for behind in (runs[:1], runs[1:], runs[2:], runs):
        names = ", ".join(f"'{run}'" for run in behind)
        execute(f"DELETE FROM schedrace.training_data WHERE run IN ({names}) AND sample > 90", database_url)
        execute(f"UPDATE schedrace.journal_progress SET byte_offset = 500 WHERE run IN ({names})", database_url)
        for limit in LIMITS:
            assert_equal(newest(settings, limit), joined(turns, limit))


def test_samples_that_a_database_refused_are_among_the_newest(settings: StorageSettings) -> None:
    samples = training_log(100).latest(100, 1000)
    samples.work_s[-1] = -1.0  # the table's check refuses it
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.samples("mct+forest", samples)
    recorder.close()
    assert_equal(newest(settings, 50), part(samples, len(samples) - 50, len(samples)))


def test_samples_of_one_instant_are_in_one_order_wherever_they_come_from(settings: StorageSettings) -> None:
    """More than a tail of them, so that the order in the file alone would not do."""
    samples = training_log(4000).latest(10**9, 10**9)
    mixed = np.random.default_rng(5).permutation(len(samples))
    shuffled = TrainingSamples(**{f.name: getattr(samples, f.name)[mixed] for f in fields(samples)})
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.samples("mct+forest", shuffled)
    recorder.close()
    for limit in (10, 1000):
        expected = part(samples, len(samples) - limit, len(samples))
        assert_equal(newest(settings, limit), expected)
        assert_equal(newest(replace(settings, kind="csv"), limit), expected)


def test_a_run_that_was_cleaned_up_is_not_learned_from(settings: StorageSettings, turns: list[TrainingSamples]) -> None:
    ship_left_behind(open_storage(settings, PLUGINS))
    service = SimulationDataService.open(settings)
    (cleaned,) = service.cleanup_old_data(runs=[service.get_runs()[0].run])
    service.close()
    assert cleaned.kept is None
    rows = newest(settings, 1000)
    assert len(rows) == 200
    assert_equal(newest(replace(settings, kind="csv"), 1000), rows)


def test_a_run_that_is_wanted_again_is_learned_from_before_the_database_knows(
    settings: StorageSettings, turns: list[TrainingSamples], database_url: str, execute: Execute
) -> None:
    service = SimulationDataService.open(settings)
    run = service.get_runs()[0].run
    execute(f"DELETE FROM schedrace.training_data WHERE run = '{run}'", database_url)
    execute(f"UPDATE schedrace.runs SET purged_at = now() WHERE run = '{run}'", database_url)
    want_again(settings.runs_dir / run)
    assert_equal(newest(settings, 1000), joined(turns, 1000))
    assert len(service.get_latest_training_data(run, "mct+4")) == 200
    service.close()


@pytest.mark.parametrize("damage", [b"junk\n", b'"mct",1,1,1,0,1,1,1,"{x,y}",2999-01-01 00:00:00+00\n', b"time"])
def test_a_damaged_journal_is_left_out_and_named(
    settings: StorageSettings, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    alone = replace(settings, kind="csv")
    first = header()
    turns = record(alone, first, 1)
    record(alone, second := later(first, 1), 2)
    damaged = alone.runs_dir / second.run / "training_data.csv"
    if damage == b"time":
        damaged.write_bytes(damaged.read_bytes()[:-6] + b"x+00\n")
    else:
        damaged.write_bytes(damaged.read_bytes() + damage)
    assert_equal(newest(alone, 1000), joined(turns, 1000))
    assert f"{damaged} is damaged: " in caplog.text
    service = SimulationDataService.open(alone)
    if damage != b"time":
        with pytest.raises(JournalError, match="is damaged"):
            service.get_latest_training_data(second.run, "mct")
    service.close()


def test_a_journal_whose_first_row_is_just_being_written_has_no_samples(settings: StorageSettings) -> None:
    alone = replace(settings, kind="csv")
    first = header()
    turns = record(alone, first, 1)
    record(alone, later(first, 1), 2)
    torn = max(alone.runs_dir.iterdir()) / "training_data.csv"
    lines = torn.read_bytes().splitlines(keepends=True)
    torn.write_bytes(lines[0] + lines[1][:20])
    assert_equal(newest(alone, 1000), joined(turns, 1000))


def test_nothing_recorded_is_no_sample(settings: StorageSettings) -> None:
    assert len(newest(settings, 1000)) == len(newest(replace(settings, kind="csv"), 1000)) == 0


def test_the_window_of_a_run_needs_its_scheduler(settings: StorageSettings) -> None:
    service = SimulationDataService.open(replace(settings, kind="csv"))
    with pytest.raises(InputError, match="Name the scheduler"):
        service.get_latest_training_data("20260101-000000-abcdef")
    service.close()


def test_a_time_with_more_digits_or_none_is_counted_as_the_database_counts(database_url: str, execute: Execute) -> None:
    import pyarrow as pa

    from persistence.journal.samples import created_at_us

    texts = [timestamp(), "1999-12-31 23:59:59.999999+00", "2000-01-01 00:00:00.000000+00"]
    asked = ", ".join(f"(extract(epoch FROM timestamptz '{text}') - 946684800) * 1000000" for text in texts)
    (row,) = execute(f"SELECT {asked}", database_url)
    assert created_at_us(pa.array(texts)).tolist() == [int(value) for value in row]  # type: ignore[call-overload]
    assert sample_rows([("mct", training_log(1).latest(1, 1), texts[0])]).endswith(f'"{texts[0]}"\n'.encode())
