"""A run that was cut goes on in its own journal: the same rows as if it had not been cut, each once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.records import FinishedTasks, MetricSeries
from engine.results import RaceResult
from engine.training import TrainingSamples
from engine.workload import Workload, workload
from persistence.errors import JournalBusy
from persistence.journal.files import Journal
from persistence.journal.reader import JournalReader
from persistence.recording import resuming
from persistence.recording.cut_runs import CutRun, cut_runs, find_cut_run, keep_as_it_is
from persistence.recording.recorded_rows import Differs
from persistence.recording.recorder import Recorder
from persistence.recording.resuming import ResumingRecorder
from persistence.recording.shipping import ship_left_behind
from persistence.run import RunHeader
from persistence.schema import JOURNALED
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.recording.test_recorder import race_result
from tests.persistence.records import PLUGINS, finished, header, training_log

Execute = Callable[..., list[tuple[object, ...]]]
ODD = 'a, "b" of "c,'
"""A label with everything that CSV quotes."""
TASKS = 40


def tasks() -> Workload:
    return workload("w", ("cpu", "gpu"), np.arange(float(TASKS)), np.ones((TASKS, 2)))


def samples() -> TrainingSamples:
    new = training_log(TASKS).take_new()
    assert new is not None
    return new


def metrics(factor: float = 1.0) -> list[MetricSeries]:
    at_s = np.arange(7.0)
    return [
        *(MetricSeries(name, "mean_response_s", at_s, factor * at_s / 3) for name in ("mct", ODD)),
        MetricSeries("mct", "decision_latency_mean_s", np.ones(1), np.random.default_rng().random(1)),
    ]


def race(recorder: Recorder | ResumingRecorder, batch: int, tasks_of_mct: int = TASKS) -> None:
    """Hand over what a race gives, ``batch`` tasks at a time."""
    for first in range(0, TASKS, batch):
        n = min(batch, TASKS - first)
        for name, count in ((ODD, n), ("mct", min(n, tasks_of_mct - first))):
            if count > 0:
                recorder.finished(_part(name, first, count))
        recorder.state(2 * first, float(first))
    learned = samples()
    for first in range(0, len(learned), batch):
        recorder.samples("mct", _samples_from(learned, first, first + batch))
    for series in metrics():
        recorder.metrics(series)


def _part(name: str, first: int, n: int) -> FinishedTasks:
    """The same tasks, however they are cut into batches."""
    whole = finished(0, TASKS, name)
    return resuming._results_from(_until(whole, first + n), first)


def _until(rows: FinishedTasks, last: int) -> FinishedTasks:
    shares = int(rows.share_start[last])
    names = ("task", "arrival_s", "start_s", "finish_s", "gpu_fraction", "energy_j", "cost")
    columns = {name: getattr(rows, name)[:last] for name in names}
    columns |= {name: getattr(rows, name)[:shares] for name in ("share_device", "share_fraction")}
    return replace(rows, **columns, share_start=rows.share_start[: last + 1])


def _samples_from(rows: TrainingSamples, first: int, last: int) -> TrainingSamples:
    return replace(rows, **{name: getattr(rows, name)[first:last] for name in TrainingSamples.__dataclass_fields__})


def the_end() -> RaceResult:
    return race_result(tasks=TASKS)


def of_two() -> RunHeader:
    return header(tasks=TASKS, schedulers=("mct", ODD))


def recorded(settings: StorageSettings, batch: int = 9) -> Path:
    """Record a race to its end; return its journal's folder."""
    recorder = Recorder(open_storage(settings, PLUGINS), of_two())
    recorder.tasks(tasks())
    race(recorder, batch)
    recorder.result(the_end())
    recorder.close()
    return settings.runs_dir / recorder.header.run


def cut(folder: Path, table: str, at: int) -> None:
    """Cut a journal's table behind byte ``at``, as a kill, or a power failure, leaves it."""
    path = folder / f"{table}.csv"
    path.write_bytes(path.read_bytes()[:at])
    (folder / "result.json").unlink(missing_ok=True)


def resumed(settings: StorageSettings, folder: Path) -> ResumingRecorder:
    found = find_cut_run(settings.runs_dir, folder.name)
    return ResumingRecorder(open_storage(settings, PLUGINS), found, found.header)


def go_on(settings: StorageSettings, folder: Path, batch: int = 6) -> None:
    recorder = resumed(settings, folder)
    recorder.tasks(tasks())
    race(recorder, batch)
    recorder.result(the_end())
    status = recorder.close()
    assert (status.rows_pending, status.problem) == (0, None)


def content(folder: Path) -> dict[str, list[bytes]]:
    """What a journal says, but for when its rows were written, how owners interleave, and what the wall clock says."""
    return {
        table: sorted(
            line.rsplit(b",", 2 if b"decision_latency" in line else 1)[0]
            for line in (folder / f"{table}.csv").read_bytes().splitlines()
        )
        for table in JOURNALED
    }


@pytest.fixture
def csv_settings(tmp_path: Path) -> StorageSettings:
    return StorageSettings("csv", data_dir=tmp_path / "csv")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a race that was never cut."""
    return recorded(StorageSettings("csv", data_dir=tmp_path_factory.mktemp("whole")))


@given(shares=st.fixed_dictionaries({table: st.floats(0, 1) for table in JOURNALED}), batch=st.integers(1, TASKS))
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_each_table_was_cut_the_journal_becomes_that_of_a_race_never_cut(
    whole: Path, csv_settings: StorageSettings, shares: dict[str, float], batch: int
) -> None:
    folder = csv_settings.runs_dir / whole.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    for table, share in shares.items():
        cut(folder, table, round(share * (folder / f"{table}.csv").stat().st_size))
    go_on(csv_settings, folder, batch)
    assert content(folder) == content(whole)
    result = JournalReader(folder).result()
    assert result is not None and (result["status"], result["digest"]) == ("finished", "abc")


def test_a_run_that_is_cut_again_while_it_goes_on_is_resumed_again(whole: Path, csv_settings: StorageSettings) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    for table in JOURNALED:
        cut(folder, table, 700)
    for again in range(3):
        recorder = resumed(csv_settings, folder)
        recorder.tasks(tasks())
        recorder.finished(_part("mct", 0, 12 + 8 * again))
        recorder.finished(_part(ODD, 0, 12 + 8 * again))
        recorder.close()
    go_on(csv_settings, folder)
    assert content(folder) == content(whole)


def test_a_run_that_has_nothing_but_its_header_is_raced_from_the_start(
    whole: Path, csv_settings: StorageSettings
) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    for table in JOURNALED:
        cut(folder, table, 0)
        (folder / f"{table}.csv").unlink()
    (found,) = cut_runs(csv_settings.runs_dir)
    assert (found.results, found.wanted, found.share) == (0, 2 * TASKS, 0.0)
    go_on(csv_settings, folder)
    assert content(folder) == content(whole)


def damaged(folder: Path, table: str, old: bytes, new: bytes) -> dict[str, bytes]:
    """Change a journal; return its bytes."""
    path = folder / f"{table}.csv"
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new, 1))
    (folder / "result.json").unlink(missing_ok=True)
    return bytes_of(folder)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The files of a journal, without torn last lines: whoever opens it cuts them."""
    texts = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {name: text[: text.rfind(b"\n") + 1] for name, text in texts.items()}


def test_a_row_that_differs_ends_it_with_a_sentence_and_changes_nothing(
    whole: Path, csv_settings: StorageSettings
) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    cut(folder, "training_data", 900)
    finish_s = repr(float(finished(0, TASKS).finish_s[17]))
    before = damaged(folder, "scheduler_results", f"{finish_s},".encode(), b"99.5,")
    recorder = resumed(csv_settings, folder)
    recorder.tasks(tasks())
    with pytest.raises(Differs) as raised:
        race(recorder, 5)
    recorder.close()
    sentence = str(raised.value)
    # the first that comes again: both schedulers have the same times here
    assert f"In row 18 of '{ODD}' of scheduler_results.csv" in sentence or "In row 18 of 'mct'" in sentence
    assert f"finish_s is 99.5; raced now it is {finish_s}." in sentence
    assert "Nothing was written" in sentence and sentence.endswith(".")
    assert bytes_of(folder) == before
    assert [found.run for found in cut_runs(csv_settings.runs_dir)] == [folder.name]


def test_tasks_that_differ_are_found_before_anything_races(whole: Path, csv_settings: StorageSettings) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    cut(folder, "scheduler_results", 900)
    before = bytes_of(folder)
    recorder = resumed(csv_settings, folder)
    with pytest.raises(Differs, match=r"In row 4 of tasks\.csv, arrival_s is 3; raced now it is 3\.5\."):
        recorder.tasks(replace(tasks(), arrival_s=np.where(np.arange(TASKS) == 3, 3.5, np.arange(TASKS))))
    recorder.close()
    assert bytes_of(folder) == before


def test_a_race_that_gives_fewer_rows_than_were_recorded_is_another_one(
    whole: Path, csv_settings: StorageSettings
) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    (folder / "result.json").unlink()
    before = bytes_of(folder)
    recorder = resumed(csv_settings, folder)
    recorder.tasks(tasks())
    race(recorder, 5, tasks_of_mct=30)
    with pytest.raises(Differs, match=r"scheduler_results\.csv holds 10 rows of 'mct' that the race does not give now"):
        recorder.result(the_end())
    recorder.close()
    assert bytes_of(folder) == before


def test_another_cluster_or_other_policies_are_another_race(whole: Path, csv_settings: StorageSettings) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    (folder / "result.json").unlink()
    found = find_cut_run(csv_settings.runs_dir, folder.name)
    now = replace(found.header, device_ids=("cpu-0",), app_version="9.9")
    with pytest.raises(Differs, match=r"device_ids is \('cpu-0', 'cpu-1', 'gpu-0'\); now it is \('cpu-0',\)") as raised:
        ResumingRecorder(open_storage(csv_settings, PLUGINS), found, now)
    assert "recorded by SchedRace 0.1.0, and this is 9.9." in str(raised.value)
    assert not JournalReader(folder).is_written()


def test_a_resumed_race_that_is_stopped_is_still_cut(whole: Path, csv_settings: StorageSettings) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    for table in JOURNALED:
        cut(folder, table, 800)
    recorder = resumed(csv_settings, folder)
    recorder.tasks(tasks())
    recorder.finished(_part("mct", 0, 30))
    recorder.finished(_part(ODD, 0, 30))
    for series in metrics(factor=0.5):  # of a race that ended early: those of the whole race are others
        recorder.metrics(series)
    recorder.result(replace(the_end(), rows=(replace(the_end().rows[0], status="stopped"),)))
    recorder.close()
    (found,) = cut_runs(csv_settings.runs_dir)
    assert found.run == folder.name
    go_on(csv_settings, folder)
    assert content(folder) == content(whole)


def test_two_cannot_resume_the_same_run(
    whole: Path, csv_settings: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    (folder / "result.json").unlink()
    first = resumed(csv_settings, folder)
    assert cut_runs(csv_settings.runs_dir) == []
    monkeypatch.setattr(resuming, "BUSY_WAIT_S", 0.0)
    with pytest.raises(JournalBusy, match=f"'{folder.name}' is being resumed"):
        resumed(csv_settings, folder)
    first.close()
    resumed(csv_settings, folder).close()


def test_the_run_waits_for_whoever_ships_its_rows(whole: Path, csv_settings: StorageSettings) -> None:
    import threading

    folder = shutil.copytree(whole, csv_settings.runs_dir / whole.name)
    (folder / "result.json").unlink()
    shipping = Journal(folder)
    threading.Timer(0.2, shipping.close).start()
    resumed(csv_settings, folder).close()


def test_cut_runs_are_those_without_result_and_writer_newest_first(csv_settings: StorageSettings) -> None:
    storage = open_storage(csv_settings, PLUGINS)
    ids = [f"20260101-00000{n}-aaaaaa" for n in range(6)]
    for run in ids:
        Journal.create(csv_settings.runs_dir, replace(of_two(), run=run)).close()
    over = {"status": "stopped", "finished_at": "2026-01-01T00:00:09+00:00", "digest": "d", "schedulers": []}
    (csv_settings.runs_dir / ids[1] / "result.json").write_text(json.dumps(over))
    (csv_settings.runs_dir / ids[2] / "run.json").write_text("{")
    keep_as_it_is(csv_settings.runs_dir, ids[3])
    racing = Journal(csv_settings.runs_dir / ids[4])
    assert [found.run for found in cut_runs(storage.settings.runs_dir)] == [ids[5], ids[0]]
    racing.close()
    assert [found.run for found in cut_runs(storage.settings.runs_dir)] == [ids[5], ids[4], ids[0]]
    assert isinstance(find_cut_run(csv_settings.runs_dir, ids[3]), CutRun)  # who names it may change his mind
    with pytest.raises(InputError, match="was not cut: it is stopped"):
        find_cut_run(csv_settings.runs_dir, ids[1])
    for none in ("nothing", "..", f"../runs/{ids[0]}"):
        with pytest.raises(InputError, match="There is no run"):
            find_cut_run(csv_settings.runs_dir, none)


def test_in_the_database_it_runs_again_and_then_is_finished_with_each_row_once(
    settings: StorageSettings, database_url: str, execute: Execute
) -> None:
    folder = recorded(replace(settings, kind="csv"))
    for table in JOURNALED:
        cut(folder, table, 1500 if table != "metrics" else 0)
    rows = JournalReader(folder).rows("scheduler_results")
    ship_left_behind(open_storage(settings, PLUGINS))
    runs = "SELECT status, digest, finished_at IS NULL FROM schedrace.runs"
    assert execute(runs, database_url) == [("interrupted", None, False)]

    recorder = resumed(settings, folder)
    recorder.tasks(tasks())
    assert recorder.replaying
    status = recorder.status()
    assert (status.kind, status.rows_written, status.rows_pending) == ("postgresql", 0, rows)
    for name in ("mct", ODD):
        recorder.finished(_part(name, 0, TASKS))
    learned = samples()
    recorder.samples("mct", learned)
    assert not recorder.replaying
    recorder.state(2 * TASKS, 1.0)
    for series in metrics():
        recorder.metrics(series)
    status = recorder.close()  # cut again, within the metrics
    assert (status.rows_written, status.rows_pending) == (2 * TASKS, 0)
    assert execute(runs, database_url) == [("running", None, True)]
    ship_left_behind(open_storage(settings, PLUGINS))
    assert execute(runs, database_url) == [("interrupted", None, False)]

    go_on(settings, folder)
    assert execute(runs, database_url) == [("finished", "abc", False)]
    assert execute("SELECT count(*), max(step) FROM schedrace.simulation_state", database_url) == [(1, 2 * TASKS)]
    for table in JOURNALED:
        count = JournalReader(folder).rows(table)
        assert execute(f"SELECT count(*) FROM schedrace.{table}", database_url) == [(count,)]
    assert execute(
        "SELECT scheduler, count(DISTINCT task) FROM schedrace.scheduler_results GROUP BY 1 ORDER BY 1", database_url
    ) == [(ODD, TASKS), ("mct", TASKS)]
