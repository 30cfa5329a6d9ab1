"""Real races, recorded."""

from __future__ import annotations

from dataclasses import replace

from app.session import run_race, start_recording
from engine.control import Control
from engine.frame import Frame
from engine.results import RaceResult
from engine.spec import RaceSpec, SchedulerSpec
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.run import new_run_id
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from plugins.assemble import prepare
from plugins.registry import load_registry
from tests.persistence.records import PLUGINS

SCHEDULERS = ("mct", "oracle", "random")


class WithoutResult:
    """Hands everything to a recorder but the result, as a race that is cut."""

    def __init__(self, recorder: Recorder) -> None:
        self.finished, self.samples = recorder.finished, recorder.samples
        self.state, self.metrics = recorder.state, recorder.metrics

    def result(self, result: RaceResult) -> None:
        pass


def record_race(
    settings: StorageSettings, *, tasks: int = 60, schedulers: tuple[str, ...] = SCHEDULERS, cut: bool = False
) -> str:
    """Race, record, and return the run; ``cut``: everything is recorded but its end, and a later start has found it."""
    spec = RaceSpec(schedulers=tuple(map(SchedulerSpec, schedulers)), tasks=tasks)
    prepared = prepare(spec, load_registry(plugins=[]))
    recorder = start_recording(prepared, settings, PLUGINS, new_run_id())
    assert recorder is not None
    control: Control[Frame] = Control()
    receiver = WithoutResult(recorder) if cut else recorder
    run_race(prepared, recorder=receiver, control=control, frames=False, pace=None)
    recorder.close()
    if cut:
        ship_left_behind(open_storage(settings, PLUGINS))
    return recorder.header.run


def record_in_csv(settings: StorageSettings, **options: object) -> str:
    """The same with CSV alone, in the same data folder."""
    return record_race(replace(settings, kind="csv"), **options)  # type: ignore[arg-type]
