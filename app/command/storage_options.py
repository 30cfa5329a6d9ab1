"""``--storage`` and ``--db-url``: where a command records, or reads what was recorded."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from persistence.service import SimulationDataService
    from persistence.settings import StorageSettings

READABLE = ("auto", "postgresql", "csv")
"""The storages that recorded runs are read from; where the settings name another one, the journals answer."""


def add_storage_options(parser: argparse.ArgumentParser, *, kinds: str, storage: str, url: str) -> None:
    """Declare the two options, with what the command says of each."""
    parser.add_argument("--storage", metavar=kinds, help=storage)
    parser.add_argument("--db-url", metavar="URL", help=url)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Declare the two options for a command that reads what was recorded."""
    add_storage_options(
        parser,
        kinds="auto|postgresql|csv",
        storage="where the runs are read from (default: what the settings say); csv: the journals alone",
        url="the PostgreSQL database to read from",
    )


def storage_settings(options: argparse.Namespace) -> StorageSettings | None:
    """Return the stored settings as the options change them, None with ``--storage none``.

    With another storage than theirs nothing is cleaned up by itself.
    """
    if options.db_url and options.storage in ("csv", "none"):
        raise InputError(
            f"--db-url names a database, but --storage {options.storage} uses none; leave one of them out."
        )
    if options.storage == "none":
        return None  # before the import: a race that records nothing needs no database library
    from app.command.password import with_password
    from persistence.settings import load_settings

    settings = stored = load_settings()
    if options.storage:
        settings = replace(settings, kind=options.storage)
    if options.db_url is not None:
        if not options.db_url.strip():
            raise InputError("--db-url is empty; give postgresql://USER@HOST:PORT/DATABASE, or leave the option out.")
        settings = replace(settings, kind="postgresql").with_url(options.db_url, "the option --db-url")
        _warn_of_a_password(options.db_url)
    if (settings.kind, settings.url) != (stored.kind, stored.url):
        # what shall go by itself was said of the storage of the settings: there, journals may not have arrived yet
        settings = replace(settings, keep_runs=None, keep_days=None)
    return with_password(settings)


def _warn_of_a_password(url: str) -> None:
    """The arguments of a program are no secret."""
    from persistence.database.urls import has_password
    from persistence.settings import URL_VARIABLE

    if has_password(url):
        print(
            "The password in --db-url can be read by everybody on this machine (ps), and stays in the history of your "
            f"shell. Leave it out and you are asked for it, or put it into ~/.pgpass or the URL into {URL_VARIABLE}.",
            file=sys.stderr,
        )


def recorded_settings(options: argparse.Namespace) -> StorageSettings:
    """Return the settings of a command that reads what was recorded; raises :class:`InputError` where there is none."""
    if options.storage not in (None, *READABLE):
        raise InputError(
            f"Nothing can be read from the storage '{options.storage}'.{did_you_mean(options.storage, READABLE)}"
        )
    settings = storage_settings(options)
    assert settings is not None
    return settings


@contextmanager
def open_recorded(settings: StorageSettings) -> Iterator[SimulationDataService]:
    """Open what was recorded; say on standard error where the journals answer although a database was wanted."""
    from persistence.service import SimulationDataService

    service = SimulationDataService.open(settings)
    if service.why_csv:
        print(f"Note: {service.why_csv} The journals on this machine answer alone.", file=sys.stderr)
    try:
        yield service
    finally:
        service.close()
