"""What a race starts warm from: a file, or a recorded run of which one is made; and its copy beside what it raced.

Knows nothing of Qt. A race depends on nothing that is only in a database: what was learned elsewhere is a file, which
race.toml names and which lies beside it wherever a race is recorded.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError, SchedRaceError
from engine.words import remedy

if TYPE_CHECKING:
    from engine.spec import RaceSpec
    from persistence.settings import StorageSettings
    from plugins.assemble import PreparedRace

BESIDE = "warm_start.json"
"""Its name beside the race.toml of a recorded race."""
FOLDER = "learned"
"""Of the data folder: the files that were made of runs."""


def file_for(text: str, spec: RaceSpec, settings: StorageSettings | None) -> str:
    """Return the file that ``--warm-start`` means: itself, or what is made of a recorded run: of its id, or for
    ``last`` the newest on the cluster of the spec.

    Raises :class:`InputError`, or why the run cannot be read.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return str(path.resolve())
    if path.suffix or len(path.parts) > 1:
        raise InputError(f"There is no file '{text}' to start warm from. Check the path, or name a run, or last.")
    if settings is None:
        raise InputError(
            f"--warm-start {text} reads a recorded run, but --storage none reads and records nothing; leave one of "
            "them out, or name a file."
        )
    return str(_made_of(text, spec, settings))


def newest_file(spec: RaceSpec, settings: StorageSettings) -> str:
    """Return the file that is made of the newest recorded run on the spec's cluster in which a learner has learned
    something.

    May take as long as opening the storage does. Raises :class:`InputError` where there is none.
    """
    if settings.kind == "none":
        raise InputError(
            "Nothing is stored here, so there is no earlier run to start from. Choose a storage in the settings, or "
            "start without what was learned before."
        )
    from persistence.service import LAST

    return str(_made_of(LAST, spec, settings))


def beside(spec: RaceSpec) -> RaceSpec:
    """Return the spec as it is written into a folder that holds a copy of what it starts from."""
    return replace(spec, warm_start=BESIDE) if spec.warm_start else spec


def keep_beside(prepared: PreparedRace, folder: Path) -> None:
    """Write what a race starts warm from into the folder of its race.toml; nothing where it starts cold."""
    if prepared.warm_start is not None:
        _write(folder / BESIDE, prepared.warm_start.text)


def _made_of(run: str, spec: RaceSpec, settings: StorageSettings) -> Path:
    from persistence.history import run_to_start_from, stored_history
    from persistence.service import SimulationDataService
    from plugins.clusters import load_cluster

    service = SimulationDataService.open(settings)
    try:
        found = run_to_start_from(service, run, load_cluster(spec.cluster).name)
        text = stored_history(service, found)
    finally:
        service.close()
    path = settings.data_dir / FOLDER / f"{found}.json"
    _write(path, text)
    return path


def _write(path: Path, text: str) -> None:
    """Write a file so that it is whole or not there."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise SchedRaceError(f"'{path}' cannot be written: {error.strerror or error}. {remedy(error)}.") from error
