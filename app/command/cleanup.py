"""``schedrace cleanup``: recorded runs deleted for good, rows and journals, one run at a time."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.command.storage_options import add_storage_options, open_recorded, recorded_settings
from app.interrupts import interrupt_once
from engine.errors import InputError

if TYPE_CHECKING:
    from persistence.cleaning import CleanedRun
    from persistence.service import SimulationDataService

MOST_DAYS = 36_500
SUMMARY = "delete recorded runs for good: rows and journals, run by run"

DETAILS = """\
Which runs: those that are named, and those that neither --keep nor --older-than keeps (with both, a run goes only when
it is not among the newest N and began more than DAYS ago). On a terminal it first says what would go, and asks; with
--json nobody is asked, so it wants --yes (or --dry-run).

Never a run that is going on, nor one whose journal has not arrived in the database, nor one of another machine before
that has shipped all of it (by its name, it goes after a day of silence). With the storage csv the journals are the
data. A race that is recording meanwhile does not notice. Ctrl-C stops after the run in hand.

As root SchedRace keeps its own databases apart from their data folders; 'schedrace doctor' lists them. --own-databases
deletes those whose data folder is gone, or the named ones, which may be such whose data folder was never noted, after
asking or with --yes; never one that is in use.

--json prints one object:
  dry_run, stopped (by Ctrl-C, before the last run)
  runs: a list, oldest first, of run, kept (the reason, or null for one that is gone), rows (table: count),
    journal_bytes; with --dry-run also of those that --keep or --older-than keeps
  cleaned, kept: how many runs; rows (table: count), journal_bytes: of those that are gone, in total
with --own-databases:
  dry_run, databases: a list of name, data_folder (null: never noted), bytes, kept (the reason, or null)

exit status: 0 done; 1 the database does not answer or its role may not delete, the data folder cannot be used, or a
run that was named is kept; 2 wrong usage, as a run that is not there; 130 stopped by Ctrl-C."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run to delete; 'schedrace history' lists them")
    parser.add_argument("--keep", type=int, metavar="N", help="keep the newest N runs")
    parser.add_argument("--older-than", type=_days, metavar="DAYS", help="keep the runs of the last DAYS days")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask first")
    databases = "delete root's own databases whose data folder is gone (or the named ones), and no run"
    parser.add_argument("--own-databases", action="store_true", help=databases)
    add_storage_options(
        parser,
        kinds="auto|postgresql|csv",
        storage="where to clean up (default: what the settings say); csv: the journals, in no database's sight",
        url="the PostgreSQL database to clean up, with a role that may delete",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"'{text}' is no age; give days, 0 to {MOST_DAYS:,}.")
    return days


def run(options: argparse.Namespace) -> int:
    """Look, ask, clean up and print."""
    if options.own_databases:
        from app.command import cleanup_databases

        return cleanup_databases.run(options)
    if not options.runs and options.keep is None and options.older_than is None:
        raise InputError("Say which runs are to be cleaned up: name them, or use --keep N or --older-than DAYS.")
    if options.json and not options.yes and not options.dry_run:
        raise InputError("With --json nobody is asked. Add --yes to delete, or --dry-run to see what would go.")
    with open_recorded(recorded_settings(options)) as service:
        if not options.dry_run and _asks(options) and not _agreed(service, options):
            print("Nothing was deleted.")
            return 0
        with _stopped_by_signals() as go_on:
            done = _cleaned(service, options, options.dry_run, go_on, _counted if options.json else _print)
            stopped = not go_on()
        problem = service.cleanup_problem() if options.dry_run else None
    if options.json:
        import json

        print(json.dumps(summary(done, options.dry_run, stopped), indent=2, ensure_ascii=False))
    else:
        print(total(done, options.dry_run))
    if problem:
        print(f"Note: {problem}", file=sys.stderr)
    if stopped:
        return 130
    return 1 if any(row.kept and row.run in options.runs for row in done) else 0


def summary(done: Sequence[CleanedRun], dry_run: bool, stopped: bool) -> dict[str, Any]:
    """Return the object of ``--json``."""
    gone = [row for row in done if not row.kept]
    tables = list(dict.fromkeys(table for row in gone for table in row.rows))
    return {
        "dry_run": dry_run,
        "stopped": stopped,
        "runs": [
            {"run": row.run, "kept": row.kept, "rows": dict(row.rows), "journal_bytes": row.journal_bytes}
            for row in done
        ],
        "cleaned": len(gone),
        "kept": len(done) - len(gone),
        "rows": {table: sum(row.rows.get(table, 0) for row in gone) for table in tables},
        "journal_bytes": sum(row.journal_bytes for row in gone),
    }


def total(done: Sequence[CleanedRun], dry_run: bool) -> str:
    """Return the last line: what has gone (would go) altogether, and how many runs stay."""
    from app.texts import plural

    if not done:
        return "Every run is kept, as --keep or --older-than asks; nothing was deleted."
    gone = [row for row in done if not row.kept]
    rows, size = sum(sum(row.rows.values()) for row in gone), sum(row.journal_bytes for row in gone)
    what = f"{plural(len(gone), 'run')}, {plural(rows, 'row')}, {_megabytes(size)} of journals"
    kept = f"; {plural(len(done) - len(gone), 'run')} kept" if len(gone) < len(done) else ""
    return f"{'Would go' if dry_run else 'Gone for good'}: {what}{kept}."


def line(row: CleanedRun) -> str:
    """Return a run as a line of text."""
    if row.kept:
        return f"kept  {row.run}  {row.kept}"
    rows = ", ".join(f"{table} {count:,}" for table, count in row.rows.items() if count) or "no rows"
    return f"goes  {row.run}  {rows}; journal {_megabytes(row.journal_bytes)}"


def _cleaned(
    service: SimulationDataService,
    options: argparse.Namespace,
    dry_run: bool,
    go_on: Callable[[], bool],
    tell: Callable[[CleanedRun], object],
) -> list[CleanedRun]:
    from datetime import timedelta

    older_than = None if options.older_than is None else timedelta(days=options.older_than)
    return service.cleanup_old_data(
        runs=options.runs, keep_runs=options.keep, older_than=older_than, dry_run=dry_run, tell=tell, go_on=go_on
    )


def _asks(options: argparse.Namespace) -> bool:
    return not options.yes and sys.stdin.isatty() and sys.stdout.isatty()


def _agreed(service: SimulationDataService, options: argparse.Namespace) -> bool:
    """Show what would go and let the user decide; nothing to delete needs no answer."""
    would = _cleaned(service, options, True, lambda: True, _print)
    print(total(would, dry_run=True))
    if all(row.kept for row in would):
        return False
    try:
        return input("Delete it for good? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _print(row: CleanedRun) -> None:
    print(line(row), flush=True)


def _counted(row: CleanedRun) -> None:
    """With JSON, where someone looks, show that it goes on."""
    if sys.stderr.isatty():
        print(f"\r{row.run}", end="\r", file=sys.stderr, flush=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


@contextmanager
def _stopped_by_signals() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C (and SIGTERM) end the work after the run in hand; a second one interrupts at once."""
    stopped = False
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True
        print("Stopping after the run in hand.", file=sys.stderr)
        for each in before:
            signal.signal(each, interrupt_once)

    for number in before:
        signal.signal(number, stop)
    try:
        yield lambda: not stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
