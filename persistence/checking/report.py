"""What ``schedrace check-db`` finds, as data."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.errors import SchedRaceError
from persistence.checking.journals import (
    JournalCheck,
    Offsets,
    Stored,
    all_rows,
    check_journals,
    ends_line,
    rows_before,
    written_journals,
)
from persistence.checking.server import ServerFacts, server_facts
from persistence.database.opening import open_database
from persistence.finding import Finding
from persistence.folder import why_not_writable
from persistence.recording.shipping import ship_left_behind
from persistence.settings import StorageSettings
from persistence.storage import Storage, StoragePlugin, open_storage

_LOW_SPACE_BYTES = 500_000_000
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
                    "in_database": j.in_database,
                    "missing": j.missing,
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
    offsets: Offsets = field(default_factory=dict)
    checks: list[Finding] = field(default_factory=list)


def check_database(settings: StorageSettings, plugins: Mapping[str, type[StoragePlugin]]) -> CheckReport:
    """Look at everything between a race and its stored rows; starts our own PostgreSQL if it is needed.

    Like every start it first replays what earlier runs left behind in their journals.
    """
    storage = open_storage(settings, plugins)
    found = _Findings(written=written_journals(storage), checks=[_check_wish(settings, storage)])
    if storage.answered and not _is_csv(storage):
        _check_answering(settings, storage, found)
    if storage.plugin is not None:
        found.checks.append(_check_folder(settings))
    journals = _check_journals(storage, found) if storage.plugin is not None else ()
    return CheckReport(
        healthy=all(line.status != "fail" for line in found.checks),
        storage=storage.kind,
        server_version=found.server.version if found.server else None,
        schema_version=found.server.schema if found.server else None,
        tables=found.server.rows if found.server else {},
        journals=journals,
        checks=tuple(found.checks),
    )


def _check_wish(settings: StorageSettings, storage: Storage) -> Finding:
    """Whether the storage that the settings ask for is the one that works; ``auto`` without a URL may end at CSV."""
    detail = f"{storage.kind} at {storage.where}. {storage.why}" if storage.where else storage.why
    if storage.problem:
        return Finding("storage", "fail", detail, "Mend what the sentence says; until then rows wait in the journals.")
    if storage.kind == "csv" and settings.kind not in ("auto", "csv"):
        return Finding("storage", "fail", detail, "Mend what the sentence says, or choose csv as the storage.")
    if storage.kind == "csv" and settings.kind == "auto":
        return Finding("storage", "warn", detail, "Set a database URL if you want the rows in a database.")
    return Finding("storage", "ok", detail)


def _check_answering(settings: StorageSettings, storage: Storage, found: _Findings) -> None:
    try:
        left_behind = ship_left_behind(storage)
        if _is_postgresql(storage):
            found.server = server_facts(open_database(settings))
        else:
            found.offsets = _offsets(storage)
    except SchedRaceError as error:
        found.checks.append(Finding("server", "fail", str(error), "See the sentence, then run check-db again."))
        return
    except Exception as error:  # a defect in a stranger's storage is something that was found, not our end
        _log.debug("The storage failed", exc_info=error)
        detail = f"The storage '{storage.kind}' failed with {error!r}."
        found.checks.append(Finding("server", "fail", detail, "Mend its plugin; the rows are in the journals."))
        return
    if left_behind.runs:
        detail = f"{left_behind.rows} rows of {left_behind.runs} earlier runs were brought into the storage just now."
        found.checks.append(Finding("replay", "ok", detail))
    found.checks += [Finding("replay", "warn", problem, "Look into that folder.") for problem in left_behind.problems]
    found.checks += found.server.checks if found.server else [ends_line(storage, found.offsets, found.written)]


def _offsets(storage: Storage) -> Offsets:
    consumer = storage.connect()
    try:
        return consumer.offsets()
    finally:
        consumer.close()


def _check_folder(settings: StorageSettings) -> Finding:
    """Whether journals can be written, and for how long."""
    if reason := why_not_writable(settings.runs_dir):
        detail = f"The data folder {settings.runs_dir} cannot be written: {reason}."
        return Finding("journals", "fail", detail, "Make it writable, or set SCHEDRACE_DATA_DIR to another folder.")
    free = shutil.disk_usage(settings.runs_dir).free
    detail = f"{settings.runs_dir}, {free / 1e9:.1f} GB free"
    if free < _LOW_SPACE_BYTES:
        return Finding("journals", "warn", detail, "Free some space: recording stops on a full disk.")
    return Finding("journals", "ok", detail)


def _check_journals(storage: Storage, found: _Findings) -> tuple[JournalCheck, ...]:
    journals, checks = check_journals(storage, _stored(storage, found), found.written)
    found.checks += checks
    return journals


def _stored(storage: Storage, found: _Findings) -> Stored:
    """How to count what has arrived: our database by its rows, a stranger's storage by its own account."""
    if _is_csv(storage):
        return all_rows
    if _is_postgresql(storage):
        rows_of_run = found.server.rows_of_run if found.server else {}
        return lambda reader: rows_of_run.get(reader.run, 0)
    return rows_before(found.offsets)


def _is_csv(storage: Storage) -> bool:
    return storage.settings.kind == "csv" or (storage.kind == "csv" and storage.problem is None)


def _is_postgresql(storage: Storage) -> bool:
    return storage.settings.kind in ("auto", "postgresql")


__all__ = ["CheckReport", "Finding", "JournalCheck", "check_database"]
