from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

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
from persistence.service import SimulationDataService
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


def test_statistics_are_those_of_the_rows(settings: StorageSettings, service: SimulationDataService) -> None:
    run = record(settings)
    stats = {row.scheduler: row for row in service.get_scheduler_stats(run, live=True)}
    rows = finished(0, 300, "mct")
    response_s = rows.finish_s - rows.arrival_s
    assert stats["mct"].tasks == 300
    assert stats["mct"].mean_response_s == pytest.approx(response_s.mean(), rel=1e-12)
    assert stats["mct"].p95_response_s == pytest.approx(np.percentile(response_s, 95), rel=1e-12)
    assert stats["random"].task_energy_j == pytest.approx(finished(1000, 200).energy_j.sum(), rel=1e-12)


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
    assert {row.run for row in service.get_runs(2)} <= set(runs)
    started = [row.started_at for row in service.get_runs()]
    assert len(started) == 3 and started == sorted(started, reverse=True)


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
    assert (run.status, run.digest) == ("finished", result.digest)
