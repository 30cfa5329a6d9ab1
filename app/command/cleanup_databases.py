"""``schedrace cleanup --own-databases``: root's own databases, whose data folders are gone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import InputError

if TYPE_CHECKING:
    from persistence.embedded.roots import OwnDatabase


def run(options: argparse.Namespace) -> int:
    """Say what goes, ask, delete, and print."""
    from persistence.embedded.roots import delete_database, own_databases

    if options.keep is not None or options.older_than is not None:
        raise InputError("--keep and --older-than are about runs, and --own-databases about databases; leave them out.")
    if options.db_url is not None or options.storage is not None:
        raise InputError("--own-databases are root's own on this machine; leave --db-url and --storage out.")
    asks = not options.yes and not options.dry_run
    if asks and (options.json or not (sys.stdin.isatty() and sys.stdout.isatty())):
        raise InputError("Nobody can be asked here. Add --yes to delete, or --dry-run to see what would go.")
    chosen = _chosen(own_databases(), options.runs)
    going = [database for database in chosen if not database.kept_because]
    if not options.json:
        for database in chosen:
            print(_line(database))
    if asks and going and not _agreed():
        print("Nothing was deleted.")
        return 0
    if not options.dry_run:
        for database in going:
            delete_database(database)
    if options.json:
        import json

        print(json.dumps(_summary(chosen, options.dry_run), indent=2, ensure_ascii=False))
    else:
        print(_total(chosen, going, options.dry_run))
    return 1 if len(going) < len(chosen) else 0


def _chosen(databases: Sequence[OwnDatabase], names: Sequence[str]) -> list[OwnDatabase]:
    """Return the named ones, and without names those whose data folder is gone."""
    by_name = {database.folder.name: database for database in databases}
    for name in names:
        if name not in by_name:
            raise InputError(f"There is no database of our own called '{name}'. 'schedrace doctor' lists them.")
    named = [by_name[name] for name in dict.fromkeys(names)]
    return named or [database for database in databases if database.left]


def _line(database: OwnDatabase) -> str:
    if database.kept_because:
        return f"kept  {database.folder.name}  {database.kept_because}"
    return f"goes  {database.folder.name}  {database.about}"


def _agreed() -> bool:
    print("A data folder on a disk that is not connected looks gone too. Its journals would keep their rows.")
    try:
        return input("Delete these databases for good? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _summary(chosen: Sequence[OwnDatabase], dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "databases": [
            {
                "name": database.folder.name,
                "data_folder": database.data_dir and str(database.data_dir),
                "bytes": database.size_bytes,
                "kept": database.kept_because or None,
            }
            for database in chosen
        ],
    }


def _total(chosen: Sequence[OwnDatabase], going: Sequence[OwnDatabase], dry_run: bool) -> str:
    from app.texts import plural

    if not going:
        return "Nothing was deleted." if chosen else "No database is left whose data folder is gone."
    size = sum(database.size_bytes for database in going) / 1e6
    return f"{'Would go' if dry_run else 'Gone for good'}: {plural(len(going), 'database')}, {size:,.1f} MB."
