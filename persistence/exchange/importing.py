"""Exported runs into the data folder, as journals: each whole, or not there at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.words import remedy
from persistence.again import asked_again
from persistence.errors import JournalBusy, JournalError
from persistence.exchange.blocks import table_blocks
from persistence.exchange.content import Recording, TableContent, content_of
from persistence.exchange.layout import FILES
from persistence.exchange.places import wrong
from persistence.exchange.reading import ReadableRun
from persistence.exchange.sums import sha256
from persistence.filelock import FileLock
from persistence.journal.archive import JournalArchive
from persistence.journal.files import sync_folder
from persistence.recording.cut_runs import KEPT
from persistence.recording.wanted_again import WANTED_AGAIN, want_again
from persistence.schema import JOURNALED, header_line
from persistence.service import SimulationDataService

STAGING = ".importing"
"""A folder in that of the runs. It has no run.json and its folders are a level too deep, so nobody takes them for
journals before they are moved out."""
IMPORTED = "imported"
"""A file of this name in a journal's folder: its run was recorded elsewhere, by whomever."""
_CHANGED = "it was changed after it had been checked; wait until nobody writes there, and import again"


@dataclass(frozen=True, slots=True)
class Imported:
    """A run that is here now; ``new`` is False when it was before, with the same content."""

    run: str
    folder: Path
    rows: int
    new: bool


def import_runs(
    service: SimulationDataService,
    readable: Sequence[ReadableRun],
    moved: Callable[[int], object] = lambda rows: None,
) -> list[Imported]:
    """Copy runs into the data folder, from where they are shipped as every journal; ``moved`` hears of copied rows.

    Raises :class:`InputError` when one of them is here with another content (before anything is written), or has
    changed since it was looked through, and :class:`JournalError` when they cannot be written: then no part of one is
    here.
    """
    runs_dir = service.settings.runs_dir
    plan = [(run, _is_here(service, run)) for run in readable if _only_once(run, readable)]
    new = [run for run, here in plan if not here]
    if new:
        with _as_sentence(runs_dir), _staging(runs_dir) as staging:
            done = 0
            for run in new:
                done = _copy(run, staging / run.header.run, done, moved)
            for run in new:
                (staging / run.header.run).rename(runs_dir / run.header.run)
            sync_folder(runs_dir)
    for run, here in plan:
        folder = runs_dir / run.header.run
        if here and (folder / "run.json").exists():
            with _as_sentence(runs_dir):
                want_again(folder)  # it was cleaned up where its database is, perhaps
                sync_folder(folder)
    return [Imported(run.header.run, run.folder, _rows(run), not here) for run, here in plan]


def was_recorded_here(folder: Path) -> bool:
    """Whether a folder is the journal of a run of this machine, and none that was imported."""
    return (folder / "run.json").exists() and not (folder / IMPORTED).exists()


def _only_once(run: ReadableRun, readable: Sequence[ReadableRun]) -> bool:
    """Whether a run is the first of its id; raises when another folder says something else of it."""
    first = next(each for each in readable if each.header.run == run.header.run)
    if part := run.recording.difference(first.recording):
        raise InputError(
            f"'{first.folder}' and '{run.folder}' hold the same run {run.header.run} with another content ({part}). "
            "Nothing was imported: leave one of them out."
        )
    return first is run


def _is_here(service: SimulationDataService, run: ReadableRun) -> bool:
    here = _recorded(service, run.header.run)
    if here is None:
        return False
    if part := run.recording.difference(here):
        raise InputError(
            f"The run {run.header.run} of '{run.folder}' is here already, with another content ({part}). Nothing was "
            "imported. Recorded runs are never changed; to have this one instead, clean up that one first."
        )
    return True


@asked_again
def _recorded(service: SimulationDataService, run: str) -> Recording | None:
    """Return what is here of a run: its journal's, else the database's; None when neither has it."""
    runs_dir = service.settings.runs_dir
    if (runs_dir / run / "run.json").exists():
        journals = JournalArchive(runs_dir)
        with contextlib.closing(journals.rows(run)) as rows:
            return Recording(journals.header(run), journals.result(run), content_of(rows))
    try:
        header, result = service.get_run_header(run), service.get_result(run)
    except InputError:
        return None
    with contextlib.closing(service.get_rows(run)) as rows:
        return Recording(header, result, content_of(rows))


def _copy(run: ReadableRun, target: Path, done: int, moved: Callable[[int], object]) -> int:
    """Write a journal and make it durable; return how many rows are copied by now.

    Raises :class:`InputError` when what was written is not what was checked.
    """
    target.mkdir()
    for table in JOURNALED:
        checked, content = run.recording.tables[table], TableContent()
        if not checked.rows:
            continue
        with (target / f"{table}.csv").open("wb") as file:
            file.write(header_line(table))
            for _, rows, lines in table_blocks(run.tables[table], table):
                file.write(lines)
                content.add(lines)
                done += len(rows)
                moved(done)
            _sync(file.fileno(), file.flush)
        if content != checked:
            raise wrong(run.tables[table], _CHANGED)
    if run.files:
        (target / FILES).mkdir()
    for path, digest in run.files.items():
        with path.open("rb") as source, (target / FILES / path.name).open("wb") as file:
            shutil.copyfileobj(source, file)
            _sync(file.fileno(), file.flush)
        if sha256(target / FILES / path.name) != digest:
            raise wrong(path, _CHANGED)
    result = run.recording.result
    texts = {"race.toml": run.header.race_toml, "run.json": run.header.as_json(), IMPORTED: "", WANTED_AGAIN: ""}
    if result is None:
        texts[KEPT] = ""  # it was cut elsewhere: here nobody is asked whether to go on with it
    else:
        texts["result.json"] = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    for name, text in texts.items():
        with (target / name).open("wb") as file:
            file.write(text.encode())
            _sync(file.fileno(), file.flush)
    for folder in (target / FILES, target):
        if folder.exists():
            sync_folder(folder)
    return done


def _sync(descriptor: int, flush: Callable[[], object]) -> None:
    flush()
    os.fsync(descriptor)


@contextlib.contextmanager
def _staging(runs_dir: Path) -> Iterator[Path]:
    """Yield an empty folder beside the journals that is ours alone; what an import that was killed left goes."""
    staging = runs_dir / STAGING
    staging.mkdir(parents=True, exist_ok=True)
    lock = FileLock(staging / "lock")
    if not lock.acquire():
        raise JournalBusy(f"Another SchedRace is importing runs into {runs_dir}. Wait until it is done.")
    try:
        _empty(staging)
        yield staging
    finally:
        _empty(staging)
        lock.release()


def _empty(staging: Path) -> None:
    for path in staging.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _as_sentence(runs_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The runs could not be written to {runs_dir}: {error.strerror or error}. {remedy(error)}, or choose "
            "another data folder (SCHEDRACE_DATA_DIR), and import again: what is here by then is left alone."
        ) from error


def _rows(run: ReadableRun) -> int:
    return sum(content.rows for content in run.recording.tables.values())
