"""``schedrace import-runs``: exported folders into this SchedRace, and journals into its database."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.command.storage_options import add_storage_options, storage_settings
from engine.errors import InputError, SchedRaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from persistence.exchange.importing import Imported
    from persistence.recording.shipping import LeftBehind
    from persistence.settings import StorageSettings
    from persistence.storage import Storage

SUMMARY = "take exported runs in, and bring recorded runs that have not arrived into the database"

DETAILS = """\
With folders ('schedrace export' makes them; a folder of another data folder's runs will do too): each is looked
through to its last row before anything is written. One that is not as it was exported is refused with file, line and
reason. The same run, when it is here already with the same content, is left alone; with another content it is
refused. Then all of them are copied into the data folder, and from there into the database of the settings.

Without a folder: every run that is recorded on this machine, and that has not arrived in the database (it was away, or
CSV alone was chosen), is brought there.

--json prints one object:
  imported: a list of run, folder, rows, new (false: it was here already)
  shipped: runs, rows (that have arrived in the storage by this command), problems (a list of sentences)
  storage: kind, where, why

exit status: 0 done (also when everything was here already); 1 something could not be written, or has not arrived in
the database that was asked for; 2 a folder that is refused, or wrong usage; 130 stopped by Ctrl-C (runs are whole or
not there, and rows that have arrived are not sent again)."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="an exported run")
    add_storage_options(
        parser,
        kinds="auto|postgresql|csv",
        storage="where the runs shall be (default: what the settings say); csv: in the data folder alone",
        url="the PostgreSQL database that shall have them",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")


def run(options: argparse.Namespace) -> int:
    """Look through everything, then write."""
    from persistence.folder import check_usable

    settings = storage_settings(options)
    if settings is None or settings.kind == "none":
        raise InputError("The storage 'none' keeps nothing, so nothing can be imported into it. Name another one.")
    check_usable(settings.data_dir)
    imported = _import(settings, options.folders)
    storage, shipped = _ship(settings)
    if options.json:
        from app.output import json_text

        print(json_text(_answer(imported, storage, shipped)))
    else:
        _say(imported, storage, shipped)
    for problem in (*shipped.problems, *([storage.problem] if storage.problem else ())):
        print(problem, file=sys.stderr)
    # no database where one was asked for by name, or where bringing runs there was all that was asked for
    lacks = storage.kind == "csv" and settings.kind != "csv" and not (settings.kind == "auto" and options.folders)
    return 1 if shipped.problems or storage.problem or lacks else 0


def _import(settings: StorageSettings, folders: Sequence[Path]) -> list[Imported]:
    if not folders:
        return []
    from app.command.rows_bar import rows_bar
    from app.command.storage_options import open_recorded
    from app.race_file import parse_race
    from persistence.exchange.importing import import_runs
    from persistence.exchange.reading import read_folder

    readable = []
    for folder in folders:
        with rows_bar("Checking", None) as moved:
            one = read_folder(folder, moved)
        parse_race(one.header.race_toml, str(folder / "race.toml"), folder)
        readable.append(one)
    total = sum(content.rows for one in readable for content in one.recording.tables.values())
    with open_recorded(settings) as service, rows_bar("Importing", total) as moved:
        return import_runs(service, readable, moved)


def _ship(settings: StorageSettings) -> tuple[Storage, LeftBehind]:
    """Bring every journal that has not arrived into the storage."""
    from app.command.rows_bar import rows_bar
    from persistence.recording.shipping import LeftBehind, ship_left_behind
    from persistence.storage import open_storage
    from plugins.registry import load_registry

    storage = open_storage(settings, load_registry().storages)
    if storage.problem:
        return storage, LeftBehind()
    with rows_bar("Storing", None) as moved:
        try:
            return storage, ship_left_behind(storage, moved=moved)
        except SchedRaceError as error:
            storage.note(str(error))
            return storage, LeftBehind()


def _answer(imported: Sequence[Imported], storage: Storage, shipped: LeftBehind) -> dict[str, Any]:
    return {
        "imported": [{"run": one.run, "folder": str(one.folder), "rows": one.rows, "new": one.new} for one in imported],
        "shipped": {"runs": shipped.runs, "rows": shipped.rows, "problems": shipped.problems},
        "storage": {"kind": storage.kind, "where": storage.where, "why": storage.why},
    }


def _say(imported: Sequence[Imported], storage: Storage, shipped: LeftBehind) -> None:
    from app.texts import plural

    for one in imported:
        if one.new:
            print(f"Run {one.run} was imported from {one.folder}: {plural(one.rows, 'row')}.")
        else:
            print(f"Run {one.run} of {one.folder} is here already, with the same content: nothing was changed.")
    if storage.kind == "csv":
        why = "" if storage.problem else f" {storage.why}"  # the problem is said for itself
        print(f"The runs are in {storage.where}.{why}")
    elif shipped.runs:
        print(f"{plural(shipped.runs, 'run')} with {plural(shipped.rows, 'row')} arrived in {storage.where}.")
    else:
        print(f"Everything that is recorded here is in {storage.where}.")
