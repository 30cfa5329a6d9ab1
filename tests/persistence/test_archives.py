"""A database and the journals alone give equal answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from engine.errors import InputError
from persistence.archive import RunArchive
from persistence.database.archive import DatabaseArchive
from persistence.database.opening import open_database
from persistence.figures import SchedulerStats
from persistence.journal.archive import JournalArchive
from persistence.recording.recorder import Recorder
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.races import SCHEDULERS, record_race
from tests.persistence.records import PLUGINS, finished, header


@pytest.fixture
def archives(settings: StorageSettings) -> Iterator[tuple[RunArchive, RunArchive]]:
    database = open_database(settings)
    yield DatabaseArchive(database), JournalArchive(settings.runs_dir)
    database.engine.dispose()


@pytest.fixture(params=["a finished run", "a cut run"])
def run(request: pytest.FixtureRequest, settings: StorageSettings) -> str:
    return record_race(settings, cut=request.param == "a cut run")


def assert_same(here: list[SchedulerStats], there: list[SchedulerStats]) -> None:
    assert [row.scheduler for row in here] == [row.scheduler for row in there]
    for a, b in zip(here, there, strict=True):
        assert_equal_figures(asdict(a), asdict(b))


def assert_equal_figures(here: dict[str, Any], there: dict[str, Any], rel: float = 1e-12) -> None:
    """Sums of the same numbers in another order may differ in the last digits."""
    assert here.keys() == there.keys()
    for name, value in here.items():
        exact = not isinstance(value, float) or there[name] is None
        assert value == (there[name] if exact else pytest.approx(there[name], rel=rel)), name


def test_the_list_of_runs_is_the_same(archives: tuple[RunArchive, RunArchive], settings: StorageSettings) -> None:
    for cut in (False, True, False):
        record_race(settings, cut=cut)
    database, journals = archives
    listed = database.runs(10)
    assert [row.status for row in listed].count("interrupted") == 1
    assert [replace(row, storage="csv") for row in listed] == journals.runs(10)
    assert journals.runs(2) == journals.runs(10)[:2]
    for row in listed:
        assert database.overview(row.run) == row
        assert row.ranking == () or row.ranking[0] == "oracle"


def test_what_a_run_was_started_with_is_the_same(archives: tuple[RunArchive, RunArchive], run: str) -> None:
    database, journals = archives
    assert database.header(run) == journals.header(run)


def test_the_summary_is_the_same(archives: tuple[RunArchive, RunArchive], run: str) -> None:
    database, journals = archives
    here, there = journals.summaries(run), database.summaries(run)
    assert [row["scheduler"] for row in here] == list(SCHEDULERS)
    for a, b in zip(here, there, strict=True):
        assert_equal_figures(a, b)
        assert a["mean_response_s"] > 0 and a["tasks"] == 60


def test_the_statistics_are_the_same(archives: tuple[RunArchive, RunArchive], run: str) -> None:
    database, journals = archives
    assert_same(journals.statistics(run), database.statistics(run))
    assert_same(journals.statistics_of_rows(run), database.statistics_of_rows(run))


def test_the_rows_of_a_finished_run_give_the_figures_of_its_result(
    archives: tuple[RunArchive, RunArchive], settings: StorageSettings
) -> None:
    run = record_race(settings)
    for archive in archives:
        for row, live in zip(archive.statistics(run), archive.statistics_of_rows(run), strict=True):
            known = replace(live, energy_j=row.energy_j, task_energy_j=None, gpu_fraction=None)
            assert_equal_figures(asdict(known), asdict(row), rel=1e-9)


def test_who_wins_is_the_same(archives: tuple[RunArchive, RunArchive], run: str) -> None:
    database, journals = archives
    here, there = journals.wins(run), database.wins(run)
    assert here.schedulers == there.schedulers == SCHEDULERS
    for name in ("sooner", "ties", "tasks"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
    off = ~np.eye(3, dtype=bool)
    assert (here.sooner + here.sooner.T + here.ties)[off].tolist() == [60] * 6


def test_a_metric_is_the_same(archives: tuple[RunArchive, RunArchive], run: str) -> None:
    database, journals = archives
    names = [("mct", "fragmentation"), ("mct", "no such metric"), ("nobody", "fragmentation")]
    answers = [journals.metric(run, *name) for name in names]
    assert answers == [database.metric(run, *name) for name in names]
    assert answers[1:] == [[], []]


def test_tasks_are_the_same(archives: tuple[RunArchive, RunArchive], run: str) -> None:
    database, journals = archives
    assert journals.tasks(run, 0, 1000) == database.tasks(run, 0, 1000)
    assert [row["task"] for row in journals.tasks(run, 10, 13)] == [10, 11, 12]


def test_a_run_that_is_not_there_is_named(archives: tuple[RunArchive, RunArchive]) -> None:
    for archive in archives:
        for ask in (archive.overview, archive.header, archive.summaries, archive.statistics, archive.wins):
            with pytest.raises(InputError, match=r"There is no run 'nowhere'"):
                ask("nowhere")
        with pytest.raises(InputError, match="There is no run"):
            archive.overview("../runs")


def test_a_run_without_any_row_yet_has_an_empty_answer(
    archives: tuple[RunArchive, RunArchive], settings: StorageSettings
) -> None:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 1, "nobody"))
    assert recorder.sync()
    recorder.close()
    for archive in archives:
        assert archive.wins(recorder.header.run).tasks.tolist() == [[0]]
        assert archive.tasks(recorder.header.run, 0, 10) == []


def test_a_running_run_is_read_as_far_as_it_is_written(settings: StorageSettings) -> None:
    settings = replace(settings, kind="csv")
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, 60))
    assert recorder.sync()
    archive = JournalArchive(settings.runs_dir)
    with (settings.runs_dir / recorder.header.run / "scheduler_results.csv").open("ab") as file:
        file.write(b'"mct",61,0.5')  # a torn line
    row, (stats,) = archive.overview(recorder.header.run), archive.statistics(recorder.header.run)
    recorder.close()
    assert (row.status, row.finished_at, row.ranking) == ("running", None, ())
    assert (stats.tasks, stats.energy_j) == (60, None)
    assert archive.summaries(recorder.header.run)[0]["status"] == "interrupted"
