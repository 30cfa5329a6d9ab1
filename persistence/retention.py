"""Old runs that are deleted by themselves, where the settings ask for that; off by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.words import plural
from persistence.cleaning import CleanedRun, Cleaner, DatabaseCleaner, JournalCleaner, Selection, clean_runs
from persistence.database.opening import open_database
from persistence.errors import StorageError, StorageImpossible
from persistence.figures import RunOverview
from persistence.journal.archive import JournalArchive
from persistence.recording.cut_runs import KEPT
from persistence.settings import StorageSettings

_said: set[str] = set()
"""Why this process could not clean up: said once, not with each race."""


def clean_by_retention(settings: StorageSettings, go_on: Callable[[], bool]) -> str | None:
    """Delete the runs that ``keep_runs`` and ``keep_days`` keep no longer (with both, a run goes only when neither
    keeps it), oldest first, until ``go_on`` says no. Returns what went as a sentence, or why nothing can; None: nothing
    to say.

    Only runs that are over and whose journal is in this data folder count and go: a database may hold those of others
    too. Never one that has not arrived, nor one that was cut and is still offered for resumption. One that was imported
    counts from then on.
    """
    old = [row.run for row in reversed(_old_runs(settings)) if not _is_offered(settings, row)]
    if not old:
        return None
    try:
        cleaner = _cleaner(settings)
    except StorageImpossible as error:
        return _once(f"No old run was deleted, although the settings ask for it. {error}")
    except StorageError:
        return None  # the storage itself says what is wrong; at the next start it is tried again
    gone = [row for row in clean_runs(cleaner, settings.runs_dir, old, go_on=go_on) if not row.kept]
    return _sentence(settings, gone) if gone else None


def _old_runs(settings: StorageSettings) -> list[RunOverview]:
    older_than = None if settings.keep_days is None else timedelta(days=settings.keep_days)
    archive = JournalArchive(settings.runs_dir)
    names = archive.names()
    if older_than is None and len(names) <= (settings.keep_runs or 0):
        return []  # without a look into any of them
    over = [_since_it_is_here(settings, row) for row in archive.overviews(names) if row.status != "running"]
    over.sort(key=lambda row: (row.started_at, row.run), reverse=True)
    return Selection(keep_runs=settings.keep_runs, older_than=older_than).of(over)


def _since_it_is_here(settings: StorageSettings, row: RunOverview) -> RunOverview:
    """Date a run that was imported from when that was done: nobody imports a run to see it go."""
    try:
        made = datetime.fromtimestamp((settings.runs_dir / row.run / "run.json").stat().st_mtime, UTC)
    except FileNotFoundError:
        return row  # cleaned up meanwhile
    return replace(row, started_at=max(row.started_at, made))


def _is_offered(settings: StorageSettings, row: RunOverview) -> bool:
    return row.status == "interrupted" and not (settings.runs_dir / row.run / KEPT).exists()


def _cleaner(settings: StorageSettings) -> Cleaner:
    if settings.kind == "csv":
        return JournalCleaner(settings.runs_dir)
    if settings.kind not in ("auto", "postgresql"):
        raise StorageImpossible(f"The storage '{settings.kind}' keeps its own rows.")
    cleaner = DatabaseCleaner(open_database(settings), settings.runs_dir)
    if problem := cleaner.problem():
        raise StorageImpossible(problem)
    return cleaner


def _once(sentence: str) -> str | None:
    if sentence in _said:
        return None
    _said.add(sentence)
    return sentence


def _sentence(settings: StorageSettings, gone: list[CleanedRun]) -> str:
    kept = [f"the newest {settings.keep_runs:,}"] if settings.keep_runs is not None else []
    kept += [f"those of the last {settings.keep_days:,} days"] if settings.keep_days is not None else []
    runs = f"{plural(len(gone), 'run')} {'was' if len(gone) == 1 else 'were'}"
    rows, size = sum(sum(row.rows.values()) for row in gone), sum(row.journal_bytes for row in gone)
    return (
        f"{runs} cleaned up, because the settings keep {' and '.join(kept)}: {rows:,} rows and {size / 1e6:,.1f} MB of "
        f"journals, {gone[0].run}{'' if len(gone) == 1 else f' to {gone[-1].run}'}."
    )
