"""``schedrace export``: a recorded run as a folder that another person can open."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.command.storage_options import add_reading_options, open_recorded, recorded_settings

if TYPE_CHECKING:
    from app.portable_race import PortableRace
    from persistence.exchange.export import Exported

SUMMARY = "write a recorded run to a folder that another person can open"

DETAILS = """\
The folder holds run.json, race.toml with the workload and cluster files that it names, result.json when the race is
over, summary.csv, the tables tasks, scheduler_results, training_data and metrics, README.txt that says what each
column is, and SHA256SUMS. 'schedrace import-runs FOLDER' takes it into another SchedRace, 'schedrace race
FOLDER/race.toml' races it again. Of a run that was not recorded on this machine (it was imported, say) only files of
its own folder are taken: its race.toml may name any file of yours. A run that is going on, or that was cut, is
exported as far as it is recorded. The database and the journals alone give the same content. The folder appears when
it is whole, or not at all.

--json prints one object:
  run, folder, format (csv | parquet), status (running | finished | stopped | interrupted),
    complete (false: a part of a race), rows (table: rows), bytes
  copied: files that were taken from elsewhere than the run's own folder, because race.toml names them
  missing: those that it names and that were not taken

exit status: 0 done; 1 it could not be written, the database that was asked for does not answer, or the data folder
cannot be used; 2 wrong usage, as a run that is not there or a folder that is not empty; 130 stopped by Ctrl-C
(nothing is left)."""

FORMATS = ("csv", "parquet")
INTERRUPTED = 130


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", metavar="RUN|last", help="the run ('schedrace history' lists them)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="the new folder")
    parser.add_argument(
        "--format", choices=FORMATS, default="csv", help="of the tables: csv (default), or parquet with real types"
    )
    add_reading_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a sentence")


def run(options: argparse.Namespace) -> int:
    """Export and say what was written."""
    try:
        _export(options)
    except KeyboardInterrupt:
        print("Interrupted: nothing was exported.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _export(options: argparse.Namespace) -> None:
    from app.command.rows_bar import rows_bar
    from app.portable_race import portable_race
    from persistence.exchange.export import check_target, export_run
    from persistence.exchange.layout import FILES

    check_target(options.out)
    settings = recorded_settings(options)
    with open_recorded(settings) as service:
        name = service.named(options.name)
        race = portable_race(service.get_run_header(name).race_toml, settings.runs_dir / name, FILES)
        with rows_bar("Exporting", sum(service.get_row_counts(name).values())) as moved:
            exported = export_run(
                service,
                name,
                options.out,
                kind=options.format,
                race_toml=race.text,
                files=race.files,
                missing=race.missing,
                moved=moved,
            )
    _say(options, exported, race)


def _say(options: argparse.Namespace, exported: Exported, race: PortableRace) -> None:
    from persistence.exchange.layout import PARTIAL

    part = PARTIAL.get(exported.status)
    if options.json:
        from app.output import json_text

        answer = {
            "run": exported.run,
            "folder": str(exported.folder),
            "format": options.format,
            "status": exported.status,
            "complete": part is None,
            "rows": exported.rows,
            "bytes": exported.size_bytes,
            "copied": race.elsewhere,
            "missing": race.missing,
        }
        print(json_text(answer))
        return
    rows = sum(exported.rows.values())
    print(f"Run {exported.run} is in {exported.folder}: {rows:,} rows, {exported.size_bytes / 1e6:,.1f} MB.")
    if part:
        print(f"The race {part}: the folder holds what was recorded so far.", file=sys.stderr)
    for file in race.elsewhere:
        print(f"With it goes a copy of {file}, which the race needs.")
    for file in race.missing:
        print(
            f"To race it again, {file} is needed too; it was not copied: it is not there, or the run was not recorded "
            "on this machine.",
            file=sys.stderr,
        )
