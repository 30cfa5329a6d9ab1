from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import numpy as np
import pytest

from engine.pending import Pending
from engine.placement import Placement
from engine.race import LaneSpec, Race
from engine.results import RaceResult
from engine.scheduler import Scheduler
from engine.spec import RaceSpec, SchedulerSpec
from engine.state import ClusterState
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.service import CleanedRun, SimulationDataService
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from plugins.assemble import prepare
from plugins.registry import load_registry
from tests.persistence.records import DEVICES, PLUGINS, finished, header, training_log

Execute = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def service(settings: StorageSettings) -> Iterator[SimulationDataService]:
    service = SimulationDataService.open(settings)
    yield service
    service.close()


def record(settings: StorageSettings, over: bool = True) -> str:
    recorder = Recorder(open_storage(settings, PLUGINS), header(schedulers=("mct", "random")))
    recorder.finished(finished(0, 300, "mct"))
    recorder.finished(finished(1000, 200, "random"))
    if over:
        recorder.result(RaceResult("digest", 300, (), True))
    recorder.close()
    return recorder.header.run


def test_statistics_are_those_of_the_rows_from_database_and_journal_alike(
    settings: StorageSettings, service: SimulationDataService
) -> None:
    run = record(settings)
    stats = {row.scheduler: row for row in service.get_scheduler_stats(run)}
    rows = finished(0, 300, "mct")
    response_s = rows.finish_s - rows.arrival_s
    assert stats["mct"].tasks == 300
    assert stats["mct"].mean_response_s == pytest.approx(response_s.mean(), rel=1e-12)
    assert stats["mct"].p95_response_s == pytest.approx(np.percentile(response_s, 95), rel=1e-12)
    assert stats["random"].energy_j == pytest.approx(finished(1000, 200).energy_j.sum(), rel=1e-12)

    alone = SimulationDataService(settings, None).get_scheduler_stats(run)
    for here, there in zip(alone, stats.values(), strict=True):
        assert here.scheduler == there.scheduler
        assert here.p99_response_s == pytest.approx(there.p99_response_s, rel=1e-12)


def test_saving_the_same_rows_again_changes_nothing(
    settings: StorageSettings, service: SimulationDataService, database_url: str, execute: Execute
) -> None:
    run = record(settings)
    service.save_scheduler_results(run, finished(250, 100, "mct"), DEVICES)
    service.save_scheduler_results(run, finished(250, 100, "mct"), DEVICES)
    samples = training_log(30).latest(30, 1000)
    service.save_training_data_batch(run, "mct", samples)
    service.save_training_data_batch(run, "mct", samples)
    assert execute("SELECT count(*) FROM schedrace.scheduler_results", database_url) == [(550,)]
    assert execute("SELECT count(*) FROM schedrace.training_data", database_url) == [(len(samples),)]


def test_runs_are_listed_newest_first(settings: StorageSettings, service: SimulationDataService) -> None:
    runs = [record(settings) for _ in range(3)]
    assert {row["run"] for row in service.get_runs(2)} <= set(runs)
    started = [row["started_at"] for row in service.get_runs()]
    assert len(started) == 3 and started == sorted(started, reverse=True)


def test_cleaning_up_takes_rows_and_journal_and_nothing_brings_them_back(
    settings: StorageSettings, service: SimulationDataService, database_url: str, execute: Execute
) -> None:
    old, new = record(settings), record(settings)
    execute(f"UPDATE schedrace.runs SET started_at = now() - interval '40 days' WHERE run = '{old}'", database_url)
    assert service.cleanup_old_data(older_than=timedelta(days=30), dry_run=True) == [CleanedRun(old)]
    assert (settings.runs_dir / old).exists()
    journal = {path.name: path.read_bytes() for path in (settings.runs_dir / old).iterdir()}

    assert service.cleanup_old_data(older_than=timedelta(days=30)) == [CleanedRun(old)]
    assert not (settings.runs_dir / old).exists()
    assert execute("SELECT DISTINCT run FROM schedrace.scheduler_results", database_url) == [(new,)]

    (settings.runs_dir / old).mkdir()
    for name, content in journal.items():
        (settings.runs_dir / old / name).write_bytes(content)
    assert ship_left_behind(open_storage(settings, PLUGINS)).rows == 0
    assert [row["run"] for row in service.get_runs()] == [new]


def test_a_run_that_is_going_on_or_has_not_arrived_is_never_cleaned_up(
    settings: StorageSettings, service: SimulationDataService, database_url: str, execute: Execute
) -> None:
    waiting = record(settings)
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 60))
    wait_until = time.monotonic() + 5
    while recorder.status().rows_pending and time.monotonic() < wait_until:
        pass  # until its run is known to the database
    execute("UPDATE schedrace.journal_progress SET byte_offset = 1", database_url)
    going_on = recorder.header.run
    reasons = {row.run: row.kept for row in service.cleanup_old_data(keep_runs=0)}
    recorder.close()
    assert reasons.pop(waiting) == "its journal has not arrived in the database"
    assert reasons == {going_on: "it is still going on"}
    assert (settings.runs_dir / going_on).exists() and (settings.runs_dir / waiting).exists()


class GivesUp(Scheduler):
    """A policy that is disqualified at its first task, so that most of its figures are undefined."""

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        raise RuntimeError("out of ideas")


def test_the_summary_of_a_finished_run_has_the_figures_of_its_race(
    settings: StorageSettings, service: SimulationDataService
) -> None:
    lanes = tuple(SchedulerSpec(name) for name in ("mct", "random", "oracle"))
    prepared = prepare(RaceSpec(schedulers=lanes, tasks=60), load_registry(plugins=[]))
    built = [*(lane.build() for lane in prepared.lanes), LaneSpec("gives_up", GivesUp())]
    race = Race(prepared.workload, prepared.cluster, built)
    while not race.done:
        race.advance()
    race.close()
    result = race.result()
    recorder = Recorder(open_storage(settings, PLUGINS), header(schedulers=tuple(row.name for row in result.rows)))
    recorder.result(result)
    recorder.close()

    expected = []
    for row in result.rows:
        figures = row.as_json()
        used = figures.pop("utilisation")
        names = {"run": recorder.header.run, "scheduler": figures.pop("name")}
        expected.append({**names, **figures, "utilisation_cpu": used["cpu"], "utilisation_gpu": used["gpu"]})
    summary = service.get_run_summary(recorder.header.run)
    # what came later (gaps, moved data, ...) is stored with the metrics
    expected = [{key: row[key] for key in summary[0]} for row in expected]
    assert [row["status"] for row in summary] == ["disqualified", "finished", "finished", "finished"]
    assert summary == sorted(expected, key=lambda row: row["scheduler"])
    (run,) = service.get_runs()
    assert (run["status"], run["digest"]) == ("finished", result.digest)


def test_a_run_without_a_result_has_no_summary(settings: StorageSettings, service: SimulationDataService) -> None:
    assert service.get_run_summary(record(settings, over=False)) == []
