"""``--metrics-port``: what Prometheus reads while a race runs."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from urllib.error import HTTPError

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pytestqt.qtbot import QtBot

from app.metrics_endpoint import HOST, metrics_endpoint
from app.session import new_run_id, run_race, start_recording
from engine.control import Control
from engine.errors import InputError
from engine.spec import RaceSpec, SchedulerSpec
from persistence.settings import StorageSettings
from plugins.assemble import PreparedRace, prepare
from plugins.registry import load_registry
from tests.app.conftest import Hands

TASKS = 400
FINISHED, WRITTEN, UP = (
    "schedrace_race_tasks_finished_total",
    "schedrace_recorder_rows_written_total",
    "schedrace_storage_up",
)


def page(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


def samples(port: int) -> dict[str, Sample]:
    families = text_string_to_metric_families(page(port))
    return {sample.name: sample for family in families for sample in family.samples}


def scraped(port: int) -> dict[str, float]:
    return {name: sample.value for name, sample in samples(port).items()}


@pytest.fixture
def port() -> int:
    """One that is free."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def prepared() -> PreparedRace:
    spec = RaceSpec(tasks=TASKS, seed=7, schedulers=tuple(SchedulerSpec(name) for name in ("mct", "met")))
    return prepare(spec, load_registry(plugins=[]))


@pytest.fixture
def nothing_serves_on() -> Iterator[None]:
    yield
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name == "metrics" or "process_request" in name]


class Stepper:
    """Races in a thread of its own, a few events at a time."""

    def __init__(self, race: Callable[[Control], object]) -> None:
        self._control: Control = Control()
        self._control.pause()
        self._thread = threading.Thread(target=race, args=(self._control,))
        self._thread.start()

    def step(self, events: int) -> None:
        for _ in range(events):
            self._control.step()
            time.sleep(0.001)

    def to_the_end(self) -> None:
        self._control.resume()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.mark.usefixtures("nothing_serves_on")
def test_the_figures_rise_while_a_race_is_recorded_and_end_at_its_rows(
    prepared: PreparedRace, port: int, database_url: str, tmp_path: Path
) -> None:
    settings = StorageSettings("postgresql", data_dir=tmp_path).with_url(database_url, "the test")
    recorder = start_recording(prepared, settings, load_registry(plugins=[]).storages, new_run_id())
    with metrics_endpoint(port) as figures:
        assert set(scraped(port)) == {"schedrace_build_info", FINISHED}
        passed_on: list[int] = []
        progress = figures.counting(recorder, passed_on.append)
        race = Stepper(
            lambda control: run_race(
                prepared, recorder=recorder, control=control, frames=False, pace=None, progress=progress
            )
        )
        finished = [scraped(port)[FINISHED]]
        for _ in range(3):
            race.step(100)
            finished.append(scraped(port)[FINISHED])
        race.to_the_end()
        recorder.close()
        last, kind = scraped(port), samples(port)[UP].labels["kind"]
    assert finished[0] == 0
    assert finished[0] < finished[1] < finished[2] < finished[3] < 2 * TASKS
    assert last[FINISHED] == last[WRITTEN] == passed_on[-1] == 2 * TASKS
    assert (last[UP], kind) == (1, "postgresql")
    for name in ("queue_rows", "lag_seconds", "rows_rejected_total", "rows_lost_total", "retries_total"):
        assert last[f"schedrace_recorder_{name}"] == 0
    page = files("resources").joinpath("help/storage.md").read_text(encoding="utf-8")
    told = page[page.index("## Watching it from outside") :]
    assert not [name for name in last if f"`{name}" not in told]


def test_a_storage_that_does_not_answer_is_down_and_its_retries_count(
    prepared: PreparedRace, port: int, tmp_path: Path
) -> None:
    away = StorageSettings("postgresql", data_dir=tmp_path).with_url("postgresql://nobody@127.0.0.1:1/x", "the test")
    recorder = start_recording(prepared, away, load_registry(plugins=[]).storages, new_run_id())
    with metrics_endpoint(port) as figures:
        run_race(
            prepared,
            recorder=recorder,
            control=Control(),
            frames=False,
            pace=None,
            progress=figures.counting(recorder, None),
        )
        until = time.monotonic() + 10
        while scraped(port)["schedrace_recorder_retries_total"] < 2 and time.monotonic() < until:
            time.sleep(0.05)
        figures_then = samples(port)
        recorder.close(0.0)
    assert figures_then["schedrace_recorder_retries_total"].value >= 2
    assert (figures_then[UP].value, figures_then[UP].labels["kind"]) == (0, "csv")
    assert figures_then[WRITTEN].value == 2 * TASKS  # in the journal, which is the storage until the wanted one answers


def test_only_the_metrics_are_served(port: int) -> None:
    with metrics_endpoint(port):
        for path in ("/", "/metricsx", "/metrics/x", "/metrics?name[]=x", "/../etc/passwd"):
            with pytest.raises(HTTPError) as refused:
                page(port, path)
            refused.value.close()
            assert refused.value.code == HTTPStatus.NOT_FOUND
        assert page(port).startswith("# HELP schedrace_build_info")
    with pytest.raises(OSError):
        page(port)


def test_a_client_that_says_nothing_keeps_neither_others_nor_the_end_waiting(port: int) -> None:
    with metrics_endpoint(port), socket.create_connection((HOST, port)):
        began = time.monotonic()
        assert scraped(port)[FINISHED] == 0
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("number", [-1, 65_536])
def test_a_number_that_is_no_port_is_refused(number: int) -> None:
    with (
        pytest.raises(InputError, match=f"--metrics-port is {number}; a port is a number from 0"),
        metrics_endpoint(number),
    ):
        pass


@pytest.mark.usefixtures("nothing_serves_on")
def test_a_port_in_use_is_refused_with_what_to_do(port: int) -> None:
    with (
        metrics_endpoint(port),
        pytest.raises(InputError, match=f"port {port}: Address already in use. Choose another --metrics-port, or 0"),
        metrics_endpoint(port),
    ):
        pass


def test_the_window_shows_each_of_its_races(qtbot: QtBot, own_folders: Path, port: int) -> None:
    from app.window.opening import follow_races, make_window

    config = own_folders / "config"
    config.mkdir()
    (config / "storage.toml").write_text('kind = "csv"\n')
    with metrics_endpoint(port) as figures:
        window = make_window(config)
        follow_races(window, figures)
        window.show()
        person = Hands(window, qtbot)
        person.wait(lambda: window.action_set.by_id["start"].isEnabled())
        for tasks in (60, 40):
            person.race_small(tasks)
            person.press("start")
            person.wait_for_frame()
            person.press("finish")
            person.wait_for_end()
            now = scraped(port)
            assert now[FINISHED] == person.finished == now[WRITTEN] == 2 * tasks
        window.close()
        window.deleteLater()
