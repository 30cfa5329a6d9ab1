"""A run that was cut, resumed: the same for the window and for ``schedrace race --resume``; knows nothing of Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.session import check_folder, run_header
from engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.spec import RaceSpec
    from persistence.recording.cut_runs import CutRun
    from persistence.recording.resuming import ResumingRecorder
    from persistence.settings import StorageSettings
    from persistence.storage import StoragePlugin
    from plugins.assemble import PreparedRace
    from plugins.registry import Registry
    from plugins.workload import Progress

LAST = "last"
"""Instead of a run's id: the newest that was cut."""


def cut_run(settings: StorageSettings, name: str) -> CutRun:
    """Return the cut run of a name, or the :data:`LAST`; raises :class:`InputError` when there is none."""
    from persistence.recording.cut_runs import cut_runs, find_cut_run

    if name != LAST:
        return find_cut_run(settings.runs_dir, name)
    found = cut_runs(settings.runs_dir)
    if not found:
        raise InputError(f"No run in {settings.runs_dir} was cut, so there is nothing to resume.")
    return found[0]


def spec_of(cut: CutRun) -> RaceSpec:
    """Return what a cut run raced; raises :class:`InputError` when its race.toml does not say."""
    from app.race_file import parse_race

    return parse_race(cut.header.race_toml, str(cut.folder / "race.toml"), cut.folder)


def prepare_again(cut: CutRun, registry: Registry, progress: Progress) -> PreparedRace:
    """Prepare the race of a cut run; raises :class:`InputError` when something that it needs is gone."""
    from plugins.assemble import prepare

    try:
        return prepare(spec_of(cut), registry, progress)
    except InputError as error:
        raise InputError(
            f"The run '{cut.run}' cannot be resumed, because its race cannot be prepared any more: {error} Nothing was "
            "written: put back what is missing and resume again, or keep the run as it is."
        ) from error


def resume_recording(
    prepared: PreparedRace,
    settings: StorageSettings,
    storages: Mapping[str, type[StoragePlugin]],
    cut: CutRun,
) -> ResumingRecorder:
    """Open the storage, take the run's journal and compare its tasks.

    Raises :class:`persistence.errors.JournalBusy` while another SchedRace has the journal, and
    :class:`persistence.recording.recorded_rows.Differs` when the race is another one now.
    """
    from persistence.recording.resuming import ResumingRecorder
    from persistence.storage import open_storage

    check_folder(settings.runs_dir)
    recorder = ResumingRecorder(open_storage(settings, storages), cut, run_header(prepared, cut.run))
    try:
        recorder.tasks(prepared.workload)
    except BaseException:
        recorder.close()
        raise
    return recorder


def offer(cut: CutRun) -> str:
    """Return the sentence that says what was cut, when, and how far it had come."""
    from app.texts import percent, plural

    header = cut.header
    started = header.started_at.astimezone()
    return (
        f"The race '{header.workload}' of {started:%d %B %Y, %H:%M} was cut after {percent(cut.share)} of it: "
        f"{plural(cut.results, 'task result')} of {cut.wanted:,} {'is' if cut.results == 1 else 'are'} kept."
    )
