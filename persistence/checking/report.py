"""What ``schedrace check-db`` finds, as data."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.errors import SchedRaceError
from engine.words import plural
from persistence.checking.journals import (
    JournalCheck,
    JournalRows,
    Offsets,
    Stored,
    all_rows,
    check_journals,
    count_journals,
    ends_line,
    not_known,
    recent_runs,
    rows_before,
    rows_counted,
    written_journals,
)
from persistence.checking.machine import journal_lines, passfile_line, url_line
from persistence.checking.server import ServerFacts, server_facts
from persistence.database.opening import open_database
from persistence.finding import Finding, verdict
from persistence.problem_file import Problem, last_problem
from persistence.recording.shipping import ship_left_behind
from persistence.settings import StorageSettings
from persistence.storage import Storage, StoragePlugin, open_storage

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The answer of ``check-db``.

    ``healthy``: the storage asked for works, and every journal has arrived or is on its way from who writes it.
    """

    healthy: bool
    storage: str
    server_version: str | None
    schema_version: str | None
    tables: Mapping[str, int]
    journals: tuple[JournalCheck, ...]
    checks: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report as the stable JSON object of ``check-db --json``."""
        return {
            "healthy": self.healthy,
            "storage": self.storage,
            "server_version": self.server_version,
            "schema_version": self.schema_version,
            "tables": dict(self.tables),
            "journals": [
                {
                    "run": j.run,
                    "rows": j.rows,
                    "in_database": None if j.unknown else j.in_database,
                    "missing": None if j.unknown else j.missing,
                    "rejected": j.rejected,
                }
                for j in self.journals
            ],
            "checks": [asdict(check) for check in self.checks],
        }


@dataclass(slots=True)
class _Findings:
    written: Collection[str]
    server: ServerFacts | None = None
    offsets: Offsets | None = None
    checks: list[Finding] = field(default_factory=list)


def check_database(settings: StorageSettings, plugins: Mapping[str, type[StoragePlugin]]) -> CheckReport:
    """Look at everything between a race and its stored rows; starts our own PostgreSQL if it is needed.

    Like every start it first replays what earlier runs left behind in their journals.
    """
    before = last_problem(settings.data_dir)
    storage = open_storage(settings, plugins)
    found = _Findings(written=written_journals(storage))
    found.checks += [url_line(settings), _wish_line(settings, storage)]
    journals: Sequence[JournalRows] = ()
    if storage.answered and not _is_csv(storage):
        _replay(storage, found)
    with ThreadPoolExecutor(1) as aside:  # the server counts its rows while we count the journals'
        counting = aside.submit(count_journals, storage) if storage.plugin is not None else None
        if storage.answered and not _is_csv(storage):
            _ask(settings, storage, found)
        if counting is not None:
            journals = counting.result()
    if storage.plugin is not None:
        found.checks += [*journal_lines(settings), passfile_line(settings)]
    checked, lines = check_journals(journals, _stored(storage, found), found.written)
    found.checks += [*lines, *([] if storage.plugin is None else [_last_problem_line(before)])]
    return CheckReport(
        healthy=verdict(found.checks) != "fail",
        storage=storage.kind,
        server_version=found.server.version if found.server else None,
        schema_version=found.server.schema if found.server else None,
        tables=found.server.rows if found.server else {},
        journals=checked,
        checks=tuple(found.checks),
    )


def _wish_line(settings: StorageSettings, storage: Storage) -> Finding:
    """Whether the storage that the settings ask for is the one that works; ``auto`` without a URL may end at CSV."""
    detail = f"{storage.kind} at {storage.where}. {storage.why}" if storage.where else storage.why
    if storage.problem:
        return Finding("storage", "fail", detail, "Mend what the sentence says; until then rows wait in the journals.")
    if storage.kind == "csv" and settings.kind not in ("auto", "csv"):
        return Finding("storage", "fail", detail, "Mend what the sentence says, or choose csv as the storage.")
    if storage.kind == "csv" and settings.kind == "auto":
        return Finding("storage", "warn", detail, "Set a database URL if you want the rows in a database.")
    return Finding("storage", "ok", detail)


def _replay(storage: Storage, found: _Findings) -> None:
    """Bring in what earlier runs left behind, as every start does."""
    try:
        left_behind = ship_left_behind(storage)
    except SchedRaceError as error:
        found.checks.append(Finding("replay", "fail", str(error), "See the sentence, then run check-db again."))
    except Exception as error:  # a defect in a stranger's storage is something that was found, not our end
        found.checks.append(_defect(storage, error))
    else:
        if left_behind.runs:
            detail = (
                f"Brought into the storage just now: {plural(left_behind.rows, 'row')} of "
                f"{plural(left_behind.runs, 'earlier run')}."
            )
            found.checks.append(Finding("replay", "ok", detail))
        found.checks += [
            Finding("replay", "warn", problem, "Look into that folder.") for problem in left_behind.problems
        ]


def _ask(settings: StorageSettings, storage: Storage, found: _Findings) -> None:
    """Let the storage say what it holds."""
    try:
        if _is_postgresql(storage):
            found.server = server_facts(open_database(settings), recent_runs(storage))
            found.offsets = found.server.offsets
            found.checks += found.server.checks
        else:
            found.offsets = offsets = _offsets(storage)
            found.checks.append(ends_line(storage, offsets, found.written))
    except SchedRaceError as error:
        found.checks.append(Finding("server", "fail", str(error), "See the sentence, then run check-db again."))
    except Exception as error:  # as above
        found.checks.append(_defect(storage, error))


def _defect(storage: Storage, error: Exception) -> Finding:
    _log.debug("The storage failed", exc_info=error)
    detail = f"The storage '{storage.kind}' failed with {error!r}."
    return Finding("server", "fail", detail, "Mend its plugin; the rows are in the journals.")


def _offsets(storage: Storage) -> Offsets:
    consumer = storage.connect()
    try:
        return consumer.offsets()
    finally:
        consumer.close()


def _last_problem_line(problem: Problem | None) -> Finding:
    """What went wrong the last time; whether it still does, the other lines say."""
    return Finding("last error", "ok", f"{problem.at}: {problem.sentence}" if problem else "none")


def _stored(storage: Storage, found: _Findings) -> Stored:
    """How to count what has arrived: our database by its rows, a stranger's storage by its own account."""
    if _is_csv(storage):
        return all_rows
    if found.offsets is None:
        return not_known
    if found.server is not None:
        return rows_counted(found.server.counted, found.offsets)
    return rows_before(found.offsets)


def _is_csv(storage: Storage) -> bool:
    return storage.settings.kind == "csv" or (storage.kind == "csv" and storage.problem is None)


def _is_postgresql(storage: Storage) -> bool:
    return storage.settings.kind in ("auto", "postgresql")


__all__ = ["CheckReport", "Finding", "JournalCheck", "check_database"]
