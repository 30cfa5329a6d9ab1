from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.records import MetricSeries
from engine.results import RaceResult, SchedulerResult
from engine.workload import workload
from persistence.errors import StorageError
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.settings import StorageSettings
from persistence.storage import Taken, open_storage
from plugins.storage.csv import CsvStorage
from tests.persistence.records import PLUGINS, finished, header, training_log

Execute = Callable[..., list[tuple[object, ...]]]


def race_result(name: str = "mct", tasks: int = 100) -> RaceResult:
    figures = dict.fromkeys(
        (f for f in SchedulerResult.__dataclass_fields__ if f not in ("name", "status", "tasks")), None
    )
    figures |= {"utilisation": {"cpu": 0.5, "gpu": None}, "mean_response_s": 1.5}
    row = SchedulerResult(name=name, status="finished", tasks=tasks, **figures)  # type: ignore[arg-type]
    return RaceResult(digest="abc", tasks=tasks, rows=(row,), reproducible=True)


def test_everything_handed_over_is_in_the_database_once(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    storage = open_storage(settings, PLUGINS)
    recorder = Recorder(storage, header(tasks=130))
    recorder.tasks(workload("w", ("cpu", "gpu"), np.arange(130.0), np.ones((130, 2)), parents=[[]] + [[0]] * 129))
    for first in range(0, 130, 13):
        recorder.finished(finished(first, 13))
    samples = training_log(40).take_new()
    assert samples is not None
    recorder.samples("mct", samples)
    recorder.metrics(MetricSeries("mct", "queued", np.arange(5.0), np.arange(5.0) / 3))
    recorder.result(race_result())
    status = recorder.close()

    assert (status.kind, status.rows_written, status.rows_pending, status.problem) == ("postgresql", 130, 0, None)
    counts = {
        table: execute(f"SELECT count(*) FROM schedrace.{table}", database_url)[0][0]
        for table in ("runs", "tasks", "scheduler_results", "training_data", "metrics", "run_summary")
    }
    assert counts == {
        "runs": 1,
        "tasks": 130,
        "scheduler_results": 130,
        "training_data": len(samples),
        "metrics": 5,
        "run_summary": 1,
    }
    assert execute("SELECT status, digest FROM schedrace.runs", database_url) == [("finished", "abc")]
    placement = execute("SELECT placement FROM schedrace.scheduler_results ORDER BY task LIMIT 2", database_url)
    assert placement == [("cpu-1=1",), ("cpu-1=0.5 gpu-0=0.5",)]
    stored = execute("SELECT finish_s FROM schedrace.scheduler_results WHERE task < 13 ORDER BY task", database_url)
    assert [row[0] for row in stored] == finished(0, 13).finish_s.tolist()


def test_where_a_race_stands_goes_with_its_rows_and_at_its_end_it_stands_where_it_ended(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    for first in (0, 50):
        recorder.finished(finished(first, 50))
        recorder.state(first + 50, (first + 50) / 4)
        assert recorder.sync()
    query = "SELECT step, clock_s, updated_at > now() - interval '1 minute' FROM schedrace.simulation_state"
    recorder.metrics(
        MetricSeries("mct", "queued", np.arange(5.0), np.arange(5.0))
    )  # rows that the last state goes with
    until = time.monotonic() + 5
    while execute("SELECT count(*) FROM schedrace.metrics", database_url) != [(5,)]:
        assert time.monotonic() < until, "it did not arrive"
    assert execute(query, database_url) == [(100, 25.0, True)]
    recorder.state(130, 32.5)  # no rows come after it but the result
    recorder.result(race_result())
    recorder.close()
    assert execute(query, database_url) == [(130, 32.5, True)]


def test_a_race_that_was_cut_still_says_where_it_stood(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.state(70, 12.5)
    recorder.finished(finished(0, 70))
    recorder.close()
    ship_left_behind(open_storage(settings, PLUGINS))  # on a busy machine its own replay may have come so far
    assert execute("SELECT status, step, clock_s FROM schedrace.runs JOIN schedrace.simulation_state USING (run)",
                   database_url) == [("interrupted", 70, 12.5)]  # fmt: skip


def test_csv_by_choice_keeps_the_rows_in_the_journal(tmp_path: Path) -> None:
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path), PLUGINS), header())
    recorder.finished(finished(0, 70))
    status = recorder.close()
    assert (status.kind, status.where) == ("csv", str(tmp_path / "runs"))
    assert (status.rows_written, status.rows_pending, status.problem) == (70, 0, None)
    journal = tmp_path / "runs" / recorder.header.run / "scheduler_results.csv"
    assert len(journal.read_text().splitlines()) == 71


def test_storage_none_writes_nothing_at_all(tmp_path: Path) -> None:
    recorder = Recorder(open_storage(StorageSettings("none", data_dir=tmp_path / "data"), PLUGINS), header())
    recorder.finished(finished(0, 70))
    recorder.result(race_result())
    status = recorder.close()
    assert (status.kind, status.rows_written, status.rows_pending) == ("none", 0, 0)
    assert not (tmp_path / "data").exists()


def test_an_unreachable_database_is_replaced_by_csv_and_gets_the_rows_later(
    settings: StorageSettings, tmp_path: Path, database_url: str, execute: Execute
) -> None:
    wrong = settings.with_url("postgresql://me:secret@localhost:1/nowhere", "the test")
    recorder = Recorder(open_storage(wrong, PLUGINS), header())
    recorder.finished(finished(0, 70))
    status = recorder.close()
    assert status.kind == "csv"
    assert "refuses connections" in status.why and "secret" not in status.why
    assert (status.rows_written, status.rows_pending) == (70, 0)

    report = ship_left_behind(open_storage(settings, PLUGINS))
    assert (report.runs, report.rows, report.problems) == (1, 70, [])
    assert execute("SELECT count(*), min(status) FROM schedrace.scheduler_results r JOIN schedrace.runs USING (run)",
                   database_url) == [(70, "interrupted")]  # fmt: skip
    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 0


def test_a_replay_from_the_start_doubles_nothing(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 500))
    recorder.close()
    execute("DELETE FROM schedrace.journal_progress", database_url)
    assert ship_left_behind(open_storage(settings, PLUGINS)).runs == 1
    assert execute("SELECT count(*) FROM schedrace.scheduler_results", database_url) == [(500,)]


def test_rows_that_the_database_refuses_are_set_aside_and_block_nothing(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    rows = finished(0, 60)
    rows.finish_s[[7, 41]] = -1.0  # before the start: the table's check refuses it
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(rows)
    recorder.finished(finished(60, 60))
    status = recorder.close()
    assert (status.rows_written, status.rows_pending) == (118, 0)
    assert execute("SELECT count(*) FROM schedrace.scheduler_results", database_url) == [(118,)]
    aside = settings.runs_dir / recorder.header.run / "scheduler_results.rejected.csv"
    lines = aside.read_text().splitlines()
    assert [line.split(",")[1] for line in lines] == ["7", "41"]
    assert "scheduler_results_times_check" in lines[0]


def test_a_data_folder_that_cannot_be_written_is_said_and_the_race_goes_on(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path / "data"), PLUGINS), header())
    began = time.monotonic()
    for first in range(0, 300_000, 1000):
        recorder.finished(finished(first, 1000))
    assert time.monotonic() - began < 20
    status = recorder.close(3.0)
    assert status.rows_written == 0
    assert status.problem is not None
    assert "cannot be written" in status.problem and "lost" in status.problem


def test_a_call_costs_the_race_microseconds(tmp_path: Path) -> None:
    recorder = Recorder(open_storage(StorageSettings("csv", data_dir=tmp_path), PLUGINS), header())
    batches = [finished(first, 50) for first in range(0, 50_000, 50)]
    costs = []
    for batch in batches:
        began = time.perf_counter()
        recorder.finished(batch)
        costs.append(time.perf_counter() - began)
    recorder.close()
    assert float(np.median(costs)) < 20e-6


def test_no_thread_is_left_after_close(settings: StorageSettings) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 10))
    recorder.close()
    assert not [t.name for t in threading.enumerate() if recorder.header.run in t.name]


def test_an_unknown_storage_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"There is no storage 'postgre'\. Did you mean 'postgresql'\?"):
        open_storage(StorageSettings("postgre", data_dir=tmp_path), PLUGINS)


def test_the_next_race_brings_in_what_the_last_one_left_behind(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    unreachable = settings.with_url("postgresql://me@localhost:1/nowhere", "the test")
    last = Recorder(open_storage(unreachable, PLUGINS), header())
    last.finished(finished(0, 70))
    last.close()
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 30))
    until = time.monotonic() + 5
    while execute("SELECT count(*) FROM schedrace.scheduler_results", database_url) != [(100,)]:
        assert time.monotonic() < until, "it did not arrive"
    recorder.close()


@pytest.mark.parametrize("rows", [60, 60_000])
def test_a_race_that_is_over_at_once_brings_it_in_too(
    settings: StorageSettings, database_url: str, execute: Execute, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("persistence.recording.recorder.REPLAY_S", 3.0)  # a machine with other work
    waiting = Recorder(open_storage(replace(settings, kind="csv"), PLUGINS), header(rows))
    waiting.finished(finished(0, rows))
    waiting.close()
    Recorder(open_storage(settings, PLUGINS), header()).close()
    counted = execute(
        f"SELECT count(*) FROM schedrace.scheduler_results WHERE run = '{waiting.header.run}'", database_url
    )
    assert counted == [(rows,)]


def test_a_race_does_not_wait_at_its_end_for_what_a_silent_database_cannot_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.recording.recorder.REPLAY_S", 30.0)
    away = StorageSettings("postgresql", data_dir=tmp_path).with_url("postgresql://me@127.0.0.1:1/x", "a test")
    recorder = Recorder(open_storage(away, PLUGINS), header())
    recorder.finished(finished(0, 60))
    began = time.monotonic()
    recorder.close(30.0)
    assert time.monotonic() - began < 10.0


class BrokenStorage(CsvStorage):
    name = "broken"

    def connect(self) -> None:
        raise ZeroDivisionError("a defect")


def test_a_storage_plugin_with_a_defect_costs_no_row(tmp_path: Path) -> None:
    storage = open_storage(StorageSettings("broken", data_dir=tmp_path), {**PLUGINS, "broken": BrokenStorage})
    recorder = Recorder(storage, header())
    recorder.finished(finished(0, 70))
    status = recorder.close()
    assert (status.kind, status.rows_written) == ("csv", 70)
    assert status.why.startswith("The storage 'broken' failed to connect: ZeroDivisionError")


class SlowStorage(CsvStorage):
    """Away until ``back`` is set; then it takes the results, and the samples only once ``caught_up`` is set."""

    name = "slow"
    back, asked_for_samples, caught_up = threading.Event(), threading.Event(), threading.Event()

    def take(self, run: str, table: str, rows: bytes, end: int) -> Taken:
        if not self.back.is_set():
            raise StorageError("It is away.")
        if table == "training_data":
            self.asked_for_samples.set()
            self.caught_up.wait(10.0)
        return super().take(run, table, rows, end)


def test_the_problem_is_over_when_rows_arrive_again_not_only_when_all_have(tmp_path: Path) -> None:
    storage = open_storage(StorageSettings("slow", data_dir=tmp_path), {"slow": SlowStorage})
    recorder = Recorder(storage, header())
    recorder.finished(finished(0, 70))
    recorder.samples("mct", training_log(30).latest(30, 1000))
    recorder.sync()
    until = time.monotonic() + 5.0
    while recorder.status().problem != "It is away." and time.monotonic() < until:
        pass
    assert recorder.status().problem == "It is away."
    SlowStorage.back.set()
    assert SlowStorage.asked_for_samples.wait(5.0)
    assert recorder.status().problem is None
    SlowStorage.caught_up.set()
    assert recorder.close().problem is None
