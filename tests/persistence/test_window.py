from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import psycopg2
import pytest

from engine.training import TrainingLog, TrainingSamples
from persistence.database.opening import open_database
from persistence.recording.recorder import Recorder
from persistence.service import SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from persistence.window import JournalWindow, RecordedWindow, TrainingReader
from tests.persistence.records import PLUGINS, header, training_log

Execute = Callable[..., list[tuple[object, ...]]]
QUESTIONS = [(50, 1000), (400, 100), (399, 100), (400, 1000), (1, 5), (250, 7), (10_000, 3)]


def assert_equal(one: TrainingSamples, other: TrainingSamples) -> None:
    for field in fields(TrainingSamples):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), strict=True)


@pytest.fixture
def logs() -> dict[str, TrainingLog]:
    return {"mct+forest": training_log(400, seed=1), "other": training_log(300, seed=2)}


@pytest.fixture
def run(settings: StorageSettings, logs: dict[str, TrainingLog]) -> str:
    """A recorded run of two learners, their samples interleaved in one journal."""
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    samples = {name: log.latest(10**9, 10**9) for name, log in logs.items()}
    for first in range(0, 600, 60):
        for name, rows in samples.items():
            part = {f.name: getattr(rows, f.name)[first : first + 60] for f in fields(rows)}
            if len(part["sample"]):
                recorder.samples(name, TrainingSamples(**part))
    assert recorder.close().problem is None
    return recorder.header.run


def test_memory_database_and_journal_give_equal_rows(
    settings: StorageSettings, run: str, logs: dict[str, TrainingLog]
) -> None:
    reader = TrainingReader(open_database(settings), settings.runs_dir)
    for name, log in logs.items():
        for question in QUESTIONS:
            assert_equal(RecordedWindow(reader, run, name).latest(*question), log.latest(*question))
            assert_equal(JournalWindow(settings.runs_dir / run, name).latest(*question), log.latest(*question))
    reader.close()


def test_what_has_not_arrived_is_completed_from_the_journal(
    settings: StorageSettings, run: str, logs: dict[str, TrainingLog], database_url: str, execute: Execute
) -> None:
    execute("DELETE FROM schedrace.training_data WHERE sample > 333", database_url)
    arrived = (settings.runs_dir / run / "training_data.csv").read_bytes().rfind(b"\n", 0, 10_000) + 1
    execute(f"UPDATE schedrace.journal_progress SET byte_offset = {arrived}", database_url)
    reader = TrainingReader(open_database(settings), settings.runs_dir)
    for question in QUESTIONS:
        assert_equal(RecordedWindow(reader, run, "mct+forest").latest(*question), logs["mct+forest"].latest(*question))
    reader.close()


def test_a_row_that_the_database_lacks_does_not_change_the_window(
    settings: StorageSettings, run: str, logs: dict[str, TrainingLog], database_url: str, execute: Execute
) -> None:
    execute("DELETE FROM schedrace.training_data WHERE sample = 300", database_url)
    reader = TrainingReader(open_database(settings), settings.runs_dir)
    for question in QUESTIONS:
        assert_equal(RecordedWindow(reader, run, "mct+forest").latest(*question), logs["mct+forest"].latest(*question))
    reader.close()


def test_rows_that_the_database_refused_are_in_the_window(settings: StorageSettings) -> None:
    samples = training_log(100).latest(100, 1000)
    samples.work_s[-1] = -1.0  # the table's check refuses it
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.samples("mct+forest", samples)
    recorder.close()
    reader = TrainingReader(open_database(settings), settings.runs_dir)
    assert_equal(RecordedWindow(reader, recorder.header.run, "mct+forest").latest(100, 1000), samples)
    reader.close()


def test_without_an_answer_in_50_ms_the_journal_answers_alone(
    settings: StorageSettings, run: str, logs: dict[str, TrainingLog], database_url: str
) -> None:
    reader = TrainingReader(open_database(settings), settings.runs_dir)
    window = RecordedWindow(reader, run, "mct+forest")
    window.latest(400, 100)
    blocker = psycopg2.connect(database_url.replace("+psycopg2", ""))
    try:
        with blocker.cursor() as cursor:
            cursor.execute("LOCK TABLE schedrace.training_data IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        for question in QUESTIONS:
            assert_equal(window.latest(*question), logs["mct+forest"].latest(*question))
        assert time.monotonic() - began < 1.0
    finally:
        blocker.close()
        reader.close()


def test_the_window_query_walks_the_primary_key(
    settings: StorageSettings, run: str, database_url: str, execute: Execute
) -> None:
    execute("ANALYZE schedrace.training_data", database_url)
    plan = execute(
        "EXPLAIN SELECT * FROM schedrace.training_data WHERE run = 'x' AND scheduler = 'y' AND completion <= 9 "
        "ORDER BY sample DESC LIMIT 1000",
        database_url + "&options=-c%20enable_seqscan%3Doff%20-c%20enable_bitmapscan%3Doff",
    )
    assert any("Index Scan Backward using training_data_pkey" in str(line[0]) for line in plan)


def test_the_service_opens_the_same_window(settings: StorageSettings, run: str, logs: dict[str, TrainingLog]) -> None:
    service = SimulationDataService.open(settings)
    for up_to, limit in QUESTIONS:
        expected = logs["mct+forest"].latest(up_to, limit)
        assert_equal(service.get_latest_training_data(run, "mct+forest", up_to, limit), expected)
        assert_equal(service.training_window(run, "mct+forest").latest(up_to, limit), expected)
    service.close()
