"""Runs to clean up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from engine.results import RaceResult
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header, training_log

Execute = Callable[..., list[tuple[object, ...]]]
MONTH = timedelta(days=30)


def begin(settings: StorageSettings, results: int = 60) -> Recorder:
    """A race that goes on: some of its rows have been handed over."""
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    recorder.finished(finished(0, results))
    recorder.samples("mct", training_log(20).latest(20, 1000))
    assert recorder.sync()
    return recorder


def record(settings: StorageSettings, *, over: bool = True, results: int = 60) -> str:
    recorder = begin(settings, results)
    if over:
        recorder.result(RaceResult("digest", 60, (), True))
    assert recorder.close().problem is None
    if not over:
        ship_left_behind(open_storage(settings, PLUGINS))  # a later start has found that it was cut
    return recorder.header.run


def elsewhere(settings: StorageSettings, folder: Path) -> StorageSettings:
    """The same database, seen from another machine."""
    return replace(settings, data_dir=folder)


def make_old(run: str, days: int, database_url: str, execute: Execute) -> None:
    execute(f"UPDATE schedrace.runs SET started_at = now() - interval '{days} days' WHERE run = '{run}'", database_url)
