"""Bring a database to the schema of this program, safely when several programs try at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.schema import CreateSchema

from persistence.database.watchdog import limited
from persistence.errors import StorageImpossible
from persistence.schema import SCHEMA, SCHEMA_VERSION

_LOCK = 0x5C4ED5ACE  # any number, as long as every SchedRace uses the same one
_LIMIT_S = 30.0


def schema_version(connection: Connection) -> str | None:
    """Return the migration that the database is at, or None where it has no tables of ours."""
    present = connection.execute(text("SELECT to_regclass('schedrace.alembic_version') IS NOT NULL")).scalar_one()
    if not present:
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM schedrace.alembic_version")).scalar()
    return version


def upgrade(engine: Engine) -> None:
    """Migrate to :data:`SCHEMA_VERSION`; does nothing (and does not import Alembic) when the database is there.

    Raises :class:`StorageImpossible` for a database that a newer SchedRace has migrated.
    """
    with engine.connect() as connection, limited(connection.connection.driver_connection):
        if _is_current(connection):
            return
    with engine.begin() as connection, limited(connection.connection.driver_connection, _LIMIT_S):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _is_current(connection):
            if not inspect(connection).has_schema(SCHEMA):  # IF NOT EXISTS would ask for the right to create it
                connection.execute(CreateSchema(SCHEMA))
            run_migrations(connection, SCHEMA_VERSION)


def run_migrations(connection: Connection, target: str) -> None:
    """Migrate up or down to ``target`` (``base``: no tables) in the transaction of ``connection``."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if target == "base":
        command.downgrade(config, target)
    else:
        command.upgrade(config, target)


def _is_current(connection: Connection) -> bool:
    version = schema_version(connection)
    if version is not None and version > SCHEMA_VERSION:
        raise StorageImpossible(
            f"The database was last used by a newer SchedRace (schema {version}; this one knows {SCHEMA_VERSION}). "
            "Update SchedRace, or choose another database."
        )
    return version == SCHEMA_VERSION
