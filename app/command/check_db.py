"""``schedrace check-db``: whether results are recorded where the settings ask, and whether all have arrived."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.command.lines import print_findings
from app.command.storage_options import add_storage_options, storage_settings
from engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from persistence.checking.report import CheckReport, JournalCheck
    from persistence.storage import StoragePlugin

SUMMARY = "check the storage: connection, versions, tables, and whether every journal has arrived"

DETAILS = """\
--json prints one object:
  healthy, storage, server_version, schema_version, tables (name: rows)
  journals: a list of run, rows, in_database, missing, rejected (in_database and missing are null while the storage
    does not answer: what has arrived is not known then)
  checks: a list of name, status (ok | warn | fail), detail, advice
Rows of a race that is being written are on their way, not missing; the check 'under way' counts them.

exit status: 0 when the storage that was asked for works and every journal has arrived (CSV by choice
is healthy, and so is a race that is being written), else 1."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_storage_options(
        parser,
        kinds="auto|postgresql|csv",
        storage="the storage to check (default: what the settings say)",
        url="the PostgreSQL database to check",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(options: argparse.Namespace) -> int:
    """Check and print; the embedded server is started when it is needed."""
    from persistence.checking.report import check_database

    settings = storage_settings(options)
    if settings is None:
        raise InputError("With --storage none nothing is recorded, so there is nothing to check; leave it out.")
    report = check_database(settings, _storages(settings.kind))
    if options.json:
        import json

        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _print(report)
    return 0 if report.healthy else 1


def _storages(kind: str) -> Mapping[str, type[StoragePlugin]]:
    """Return the built-in storages, and all there are where the settings name another one: loading every plugin takes
    longer than the check."""
    from plugins.storage import schedrace_storages

    built_in = {storage.name: storage for storage in schedrace_storages()}
    if kind in ("auto", "none", *built_in):
        return built_in
    from plugins.registry import load_registry

    return load_registry().storages


def _print(report: CheckReport) -> None:
    print_findings(report.checks)
    if report.tables:
        print("\nTables (rows)")
        width = max(len(name) for name in report.tables)
        for name, rows in report.tables.items():
            print(f"  {name:<{width}}  {rows:>12,}")
    _print_journals(report.journals)
    print(f"\n{'Healthy' if report.healthy else 'NOT healthy'}: storage {report.storage}.")


def _print_journals(journals: Sequence[JournalCheck]) -> None:
    if any(journal.unknown for journal in journals):
        print(f"\nJournals: {len(journals)}; what has arrived of them is not known")
        return
    behind = [journal for journal in journals if journal.missing or journal.rejected or journal.under_way]
    print(f"\nJournals: {len(journals)}; arrived in full: {len(journals) - len(behind)}")
    for journal in behind:
        print(
            f"  {journal.run}: {journal.in_database:,} of {journal.rows:,} rows have arrived, "
            f"{journal.under_way:,} are on their way, {journal.missing:,} are missing, "
            f"{journal.rejected:,} were set aside"
        )
