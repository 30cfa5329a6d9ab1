"""Bring a database to the schema of this program, safely when several programs try at once."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.schema import CreateSchema

from persistence.database.connecting import connected
from persistence.errors import StorageImpossible
from persistence.schema import SCHEMA, SCHEMA_VERSION

_LOCK = 0x5C4ED5ACE  # any number, as long as every SchedRace uses the same one
_LIMIT_S = 60.0  # an index on ten million rows takes some seconds
_log = logging.getLogger(__name__)


def schema_version(connection: Connection) -> str | None:
    """Return the migration that the database is at, or None where it has no tables of ours."""
    present = connection.execute(text("SELECT to_regclass('schedrace.alembic_version') IS NOT NULL")).scalar_one()
    if not present:
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM schedrace.alembic_version")).scalar()
    return version


def upgrade(engine: Engine) -> None:
    """Migrate to :data:`SCHEMA_VERSION`; does nothing (and does not import Alembic) when the database is there.

    An older database is migrated after a warning in the log, which window and command show. Raises
    :class:`StorageImpossible` for a database that a newer SchedRace has migrated.
    """
    with connected(engine) as connection:
        if _is_current(connection):
            return
    with connected(engine, _LIMIT_S) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _is_current(connection):
            _announce(connection)
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # the watchdog is the limit
            _become_the_owner(connection)
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
    if target == "base" or target < (schema_version(connection) or ""):
        command.downgrade(config, target)
    else:
        command.upgrade(config, target)


def _announce(connection: Connection) -> None:
    """Say so before tables with somebody's rows are changed."""
    found = schema_version(connection)
    if found is not None:
        _log.warning(
            "The database %s was last used by an older SchedRace: its tables are brought from schema %s to %s now. Its "
            "rows stay. An older SchedRace cannot use it from then on.",
            connection.execute(text("SELECT current_database()")).scalar_one(),
            found,
            SCHEMA_VERSION,
        )


def _become_the_owner(connection: Connection) -> None:
    """Migrate as the role that owns the schema, if another one does: so all tables have one owner (roles.sql)."""
    owner = connection.execute(_OWNER).scalar()
    if owner is not None:
        connection.execute(text("SELECT set_config('role', :owner, true)"), {"owner": owner})


_OWNER = text("""
    SELECT pg_get_userbyid(nspowner) FROM pg_namespace
     WHERE nspname = 'schedrace' AND pg_get_userbyid(nspowner) <> current_user
       AND pg_has_role(current_user, nspowner, 'MEMBER')
""")


def _is_current(connection: Connection) -> bool:
    version = schema_version(connection)
    if version is not None and version > SCHEMA_VERSION:
        raise StorageImpossible(
            f"The database was last used by a newer SchedRace (schema {version}; this one knows {SCHEMA_VERSION}). "
            "Update SchedRace, or choose another database."
        )
    return version == SCHEMA_VERSION
