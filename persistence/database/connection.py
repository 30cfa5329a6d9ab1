"""Connections that cannot hang, and the test behind the button in the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import InputError
from persistence.database.connecting import LimitedPool, connected
from persistence.database.copy_errors import hush_doubled_errors
from persistence.database.faults import as_storage_error
from persistence.database.libpq import encryption
from persistence.database.migrate import schema_version
from persistence.database.urls import normalised_url, shown_url
from persistence.errors import StorageError
from persistence.schema import SCHEMA_VERSION
from persistence.settings import stored_password

MINIMUM_VERSION = 13
DATABASE_ERRORS = (SQLAlchemyError, psycopg2.Error)
_SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        "search_path=schedrace,pg_temp",
        "timezone=UTC",
        "datestyle=ISO",  # psycopg2 would set it where it is another one, in a call that nothing limits
        "lock_timeout=2000",
        "statement_timeout=10000",
        "idle_in_transaction_session_timeout=10000",
        # the journal is the log: what a crashed server forgets is replayed from it (measured: 2x, 0 rows lost)
        "synchronous_commit=off",
    )
)
_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,  # the only thing that ends a query into a black hole
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "application_name": "schedrace",
    "options": _SESSION,
}


def engine_for(url: str, own: bool = False) -> Engine:
    """Return an engine without a pool (its users keep their connection) whose calls end in bounded time.

    A password that the URL does not hold comes from the keyring, but for our ``own`` server, which needs none. A server
    on another machine must prove who it is, unless somebody chose another sslmode (:mod:`persistence.database.libpq`).
    """
    hush_doubled_errors()
    parsed = make_url(normalised_url(url))
    if parsed.password is None and not own:
        password = stored_password(url)
        parsed = parsed.set(username=parsed.username or "", password=password) if password else parsed
    arguments = _ARGUMENTS if own else {**_ARGUMENTS, **encryption(url)}
    return create_engine(parsed, poolclass=LimitedPool, connect_args=arguments)


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """The answer of :func:`test_connection`: ``sentence`` says yes, or why not."""

    ok: bool
    sentence: str


def test_connection(url: str) -> ConnectionReport:
    """Try a database as SchedRace would use it, changing nothing; takes at most some seconds."""
    try:
        engine = engine_for(url)
    except InputError as error:
        return ConnectionReport(False, str(error))
    try:
        with connected(engine) as connection:
            problem = connection_problem(connection, url)
            version = server_version(connection)
    except DATABASE_ERRORS as error:
        return ConnectionReport(False, str(as_storage_error(error, url)))
    if problem:
        return ConnectionReport(False, problem)
    return ConnectionReport(True, f"Connected to {shown_url(url)}, PostgreSQL {version}. SchedRace can work there.")


test_connection.__test__ = False  # type: ignore[attr-defined]  # no test, whatever pytest makes of its name


def asks_for_password(url: str) -> bool:
    """Whether the server wants a password, and there is none in any place where libpq and we look for one."""
    try:
        with connected(engine_for(url)):
            return False
    except DATABASE_ERRORS as error:
        return "no password supplied" in str(error)


def server_version(connection: Connection) -> str:
    """Return the server's version as it says it: ``18.4``."""
    return str(connection.execute(text("SHOW server_version")).scalar_one()).split()[0]


def connection_problem(connection: Connection, url: str) -> str | None:
    """Return why SchedRace cannot work on an open connection (too old, read-only, missing rights), or None."""
    row = connection.execute(_ABILITIES).mappings().one()
    where, user = shown_url(url), row["user_name"]
    if row["version"] // 10000 < MINIMUM_VERSION:
        return (
            f"The server of {where} is PostgreSQL {server_version(connection)}; SchedRace needs {MINIMUM_VERSION} or "
            "newer. Update it, or choose another server."
        )
    if row["read_only"]:
        return f"The database {where} can only be read (a standby, or set so). Connect to the primary server."
    if not row["may_temp"]:
        return f"'{user}' may not create temporary tables in {where}. Run: GRANT TEMP ON DATABASE ... TO {user};"
    found = schema_version(connection)
    if found is None:
        if not row["may_create"]:
            return (
                f"'{user}' may not create the schema 'schedrace' in {where}. "
                f"Run: GRANT CREATE ON DATABASE ... TO {user};"
            )
        return None
    if found < SCHEMA_VERSION:
        if not row["may_migrate"]:
            return (
                f"The tables in {where} are those of an older SchedRace (schema {found}; this one needs "
                f"{SCHEMA_VERSION}), and '{user}' may not change them. Run 'schedrace check-db' once with the URL of a "
                "role that owns them."
            )
        return None
    if found > SCHEMA_VERSION:
        return f"The database {where} was last used by a newer SchedRace. Update SchedRace, or choose another database."
    if not connection.execute(_MAY_WRITE).scalar_one():
        return (
            f"'{user}' may not write the tables of 'schedrace' in {where}. "
            f"Run: GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA schedrace TO {user};"
        )
    return None


def checked_engine(url: str, own: bool = False) -> Engine:
    """Return an engine (:func:`engine_for`) that has connected once.

    Raises :class:`StorageError` when SchedRace cannot work there, one of :data:`DATABASE_ERRORS` when nobody answers.
    """
    engine = engine_for(url, own)
    with connected(engine) as connection:
        problem = connection_problem(connection, url)
    if problem:
        raise StorageError(problem)
    return engine


_ABILITIES = text("""
    SELECT current_user AS user_name,
           current_setting('server_version_num')::int AS version,
           pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS read_only,
           has_database_privilege(current_database(), 'TEMP') AS may_temp,
           has_database_privilege(current_database(), 'CREATE')
               OR COALESCE((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = 'schedrace'),
                           false) AS may_create,
           COALESCE((SELECT pg_has_role(current_user, nspowner, 'MEMBER') FROM pg_namespace
                      WHERE nspname = 'schedrace'), false) AS may_migrate
""")
_MAY_WRITE = text("""
    SELECT has_schema_privilege('schedrace', 'USAGE')
       AND bool_and(has_table_privilege(c.oid, 'SELECT')
                AND has_table_privilege(c.oid, 'INSERT')
                AND has_table_privilege(c.oid, 'UPDATE'))
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'schedrace' AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
""")
