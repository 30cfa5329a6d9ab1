"""Runs that were cut: killed, or the machine went down. Their journals have no result, and nobody writes them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from persistence.errors import JournalBusy, JournalError
from persistence.journal.reader import JournalReader
from persistence.run import RunHeader

KEPT = "kept-as-it-is"
"""A file of this name in a journal's folder: its run stays interrupted, as somebody decided."""
SHIPPED_WITHIN_S = 1.0
"""So long whoever starts usually has the journal of a cut run, to ship what it holds."""
_LOOK_AGAIN_S = 0.05
_RESULTS = "scheduler_results"


@dataclass(frozen=True, slots=True)
class CutRun:
    """A run that was cut, and how many task results its journal holds."""

    header: RunHeader
    folder: Path
    results: int

    @property
    def run(self) -> str:
        """Its id."""
        return self.header.run

    @property
    def wanted(self) -> int:
        """How many task results a race to the end would have given, all schedulers together."""
        return self.header.tasks * len(self.header.schedulers)

    @property
    def share(self) -> float:
        """How much of the race had been raced, 0..1."""
        return self.results / self.wanted


def cut_runs(runs_dir: Path) -> list[CutRun]:
    """Return the cut runs of a data folder that nobody has decided to keep as they are, newest first.

    A journal that cannot be read, or whose lock cannot be tried, cannot be gone on with either: ``check-db`` names it.
    """
    found = []
    for path in sorted(runs_dir.glob("*/run.json"), reverse=True):
        reader = JournalReader(path.parent)
        try:
            if not (path.parent / KEPT).exists() and _is_cut(reader):
                found.append(_looked_at(reader))
        except JournalError:
            continue
    return found


def find_cut_run(runs_dir: Path, run: str) -> CutRun:
    """Return one cut run, also one that was to be kept as it is; raises :class:`InputError` saying why it is none."""
    reader = JournalReader(runs_dir / run)
    # the name is a person's: it must mean a folder of the data folder, and none beyond
    if reader.folder.parent != runs_dir or not (reader.folder / "run.json").is_file():
        raise InputError(f"There is no run '{run}' in {runs_dir}.")
    result = reader.result()
    if result is not None:
        raise InputError(f"The run '{run}' was not cut: it is {result.get('status', 'over')}.")
    return _looked_at(reader)


def check_free(cut: CutRun) -> None:
    """Raise :class:`JournalBusy` when somebody has the journal of a cut run for longer than a moment."""
    until = time.monotonic() + SHIPPED_WITHIN_S
    reader = JournalReader(cut.folder)
    while reader.is_written():
        if time.monotonic() > until:
            raise in_use(cut)
        time.sleep(_LOOK_AGAIN_S)


def in_use(cut: CutRun) -> JournalBusy:
    """Return what is said of a cut run whose journal somebody else has."""
    return JournalBusy(
        f"The run '{cut.run}' is being resumed, or its rows are being stored, by another SchedRace. Wait until that "
        "has ended."
    )


def keep_as_it_is(runs_dir: Path, run: str) -> None:
    """Remember that a cut run stays interrupted, its rows usable; it is not among :func:`cut_runs` any more."""
    path = runs_dir / run / KEPT
    try:
        path.touch()
    except OSError as error:
        raise JournalError(f"{path} cannot be written: {error.strerror}. The run will be offered again.") from error


def _is_cut(reader: JournalReader) -> bool:
    return reader.result() is None and not reader.is_written()


def _looked_at(reader: JournalReader) -> CutRun:
    return CutRun(reader.header(), reader.folder, reader.rows(_RESULTS))
