"""The storage of the window: opened before the first race, and what earlier runs left behind brought there."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from PySide6.QtCore import QTimer

from engine.results import RaceResult
from persistence.recording.recorder import Recorder
from persistence.settings import URL_VARIABLE, StorageSettings, load_settings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header


@pytest.fixture
def left_behind(own_folders, database_url, monkeypatch):
    """A run of 30 results in a journal, recorded while there was no database; the settings mean a database now."""
    storage = open_storage(StorageSettings("csv", data_dir=own_folders / "data"), PLUGINS)
    recorder = Recorder(storage, header())
    recorder.finished(finished(0, 30))
    recorder.close()
    monkeypatch.setenv(URL_VARIABLE, database_url)
    return recorder.header.run


@pytest.mark.parametrize("storage_kind", ["auto"])
def test_what_an_earlier_run_left_behind_arrives_without_a_race(left_behind, hands, execute, database_url):
    def arrived() -> list[tuple[object, ...]]:
        if not execute("SELECT to_regclass('schedrace.scheduler_results')", database_url)[0][0]:
            return []
        return execute("SELECT run, count(*) FROM schedrace.scheduler_results GROUP BY run", database_url)

    hands.wait(lambda: arrived() == [(left_behind, 30)])
    hands.window.close()
    assert "replay" not in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def old_and_new(own_folders, database_url, monkeypatch):
    """Two runs in the database, of which the settings keep one."""
    monkeypatch.setenv(URL_VARIABLE, database_url)
    runs = []
    for _ in range(2):
        recorder = Recorder(open_storage(load_settings(), PLUGINS), header())
        recorder.finished(finished(0, 30))
        recorder.result(RaceResult("digest", 30, (), True))
        assert recorder.close().problem is None
        runs.append(recorder.header.run)
    return runs


@pytest.mark.parametrize("storage_kind", ['auto"\nkeep_runs = 1 #'])
def test_old_runs_go_at_the_start_where_the_settings_ask_and_the_log_says_it(old_and_new, hands, own_folders):
    runs_dir = own_folders / "data" / "runs"
    old, new = old_and_new
    hands.wait(lambda: [path.name for path in runs_dir.iterdir()] == [new])
    hands.wait(lambda: any(line.startswith("1 run was cleaned up") and old in line for line in hands.log))


def test_other_settings_wait_for_no_storage_that_is_still_being_opened(hands, monkeypatch):
    from app.worker import Errand

    release, began = threading.Event(), threading.Event()

    def settings(name: str) -> StorageSettings:
        return replace(load_settings(), kind=name)

    def slow() -> StorageSettings:
        began.set()
        release.wait(20)
        return settings("none")

    window = hands.window
    window.desk.settings = slow
    window.storage_desk.open()
    assert began.wait(20)
    window.desk.settings = lambda: settings("csv")
    window.storage_desk.open()
    hands.wait(lambda: "CSV" in window.status.storage.whole)
    release.set()
    hands.wait(lambda: not window.findChildren(Errand))
    assert "CSV" in window.status.storage.whole


def test_a_window_that_closes_goes_on_painting_while_storages_are_being_opened(hands):
    from app.worker import Errand

    beats = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    timer.start(5)
    for number in range(40):  # some end while events are handled, and are deleted there
        Errand(lambda s=number / 100: time.sleep(s), hands.window).start()
    assert hands.window.close()
    timer.stop()
    gaps = [after - before for before, after in pairwise(beats)]
    assert len(gaps) > 5 and max(gaps) < 0.2
    assert not any(errand.isRunning() for errand in hands.window.findChildren(Errand))
