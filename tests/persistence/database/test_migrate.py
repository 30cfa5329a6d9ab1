from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.schema import CreateSchema

import persistence
from persistence.database.connection import engine_for
from persistence.database.migrate import run_migrations, schema_version, upgrade
from persistence.database.repositories import RunRepository
from persistence.errors import StorageImpossible
from persistence.schema import SCHEMA, SCHEMA_VERSION, metadata
from tests.persistence.records import header

Execute = Callable[..., list[tuple[object, ...]]]
INDEX_IS_THERE = "SELECT to_regclass('schedrace.training_data_created_at_idx') IS NOT NULL"


def test_the_migrations_make_exactly_the_tables_of_the_program(database_url: str) -> None:
    engine = engine_for(database_url)
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": SCHEMA,
                "include_name": lambda name, kind, parents: kind != "schema" or name == SCHEMA,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_the_program_knows_its_newest_migration() -> None:
    folder = Path(persistence.__file__).parent / "database" / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == SCHEMA_VERSION


def test_migrations_go_down_to_nothing_and_up_again(database_url: str) -> None:
    engine = engine_for(database_url)
    upgrade(engine)
    with engine.begin() as connection:
        run_migrations(connection, "base")
    with engine.connect() as connection:
        assert schema_version(connection) is None
    with engine.begin() as connection:
        run_migrations(connection, SCHEMA_VERSION)
    upgrade(engine)


def test_four_programs_at_once_make_the_tables_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: upgrade(engine_for(database_url)), range(4)))
    with engine_for(database_url).connect() as connection:
        assert schema_version(connection) == SCHEMA_VERSION


def older(database_url: str) -> Engine:
    """A database as the first SchedRace left it."""
    engine = engine_for(database_url)
    with engine.begin() as connection:
        connection.execute(CreateSchema(SCHEMA))
        run_migrations(connection, "0001")
    return engine


def test_an_older_database_is_migrated_after_saying_so(
    database_url: str, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    engine = older(database_url)
    begin(engine)
    upgrade(engine)
    (said,) = [record for record in caplog.records if record.levelname == "WARNING"]
    name = database_url.split("/")[3].split("?")[0]
    assert f"The database {name} was last used by an older SchedRace" in said.getMessage()
    assert f"from schema 0001 to {SCHEMA_VERSION}" in said.getMessage()
    assert execute("SELECT count(*) FROM schedrace.runs", database_url) == [(1,)]
    assert execute("SELECT to_regclass('schedrace.training_data_created_at_idx') IS NOT NULL", database_url) == [
        (True,)
    ]
    caplog.clear()
    upgrade(engine)
    assert not caplog.records


def test_a_command_says_on_standard_error_that_it_migrates(database_url: str, execute: Execute) -> None:
    older(database_url)
    environment = {**os.environ, "SCHEDRACE_DATABASE_URL": database_url}
    for said in (True, False):
        command = [sys.executable, "-m", "app", "check-db", "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and json.loads(done.stdout)["schema_version"] == SCHEMA_VERSION
        assert ("its tables are brought from schema 0001" in done.stderr) == said


def test_a_migration_goes_down_and_up_again_with_the_rows(database_url: str, execute: Execute) -> None:
    engine = engine_for(database_url)
    upgrade(engine)
    begin(engine)
    for target, present in (("0001", False), (SCHEMA_VERSION, True)):
        with engine.begin() as connection:
            run_migrations(connection, target)
        assert execute("SELECT version_num FROM schedrace.alembic_version", database_url) == [(target,)]
        assert execute(INDEX_IS_THERE, database_url) == [(present,)]
        assert execute("SELECT count(*) FROM schedrace.runs", database_url) == [(1,)]


def test_four_programs_at_once_migrate_an_older_database_once(database_url: str) -> None:
    older(database_url)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: upgrade(engine_for(database_url)), range(4)))
    with engine_for(database_url).connect() as connection:
        assert schema_version(connection) == SCHEMA_VERSION


def begin(engine: Engine) -> None:
    """Add a run."""
    connection = engine.raw_connection()
    with connection.cursor() as cursor:
        RunRepository(cursor).begin(header())
    connection.commit()
    connection.close()


def test_a_newer_database_is_refused_with_a_sentence(database_url: str, execute: Callable[..., object]) -> None:
    engine = engine_for(database_url)
    upgrade(engine)
    execute("UPDATE schedrace.alembic_version SET version_num = '9999'", database_url)
    with pytest.raises(StorageImpossible, match=r"newer SchedRace \(schema 9999; this one knows"):
        upgrade(engine)
