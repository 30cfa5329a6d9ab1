from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import persistence
from persistence.database.connection import engine_for
from persistence.database.migrate import run_migrations, schema_version, upgrade
from persistence.errors import StorageImpossible
from persistence.schema import SCHEMA, SCHEMA_VERSION, metadata


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


def test_a_newer_database_is_refused_with_a_sentence(database_url: str, execute: Callable[..., object]) -> None:
    engine = engine_for(database_url)
    upgrade(engine)
    execute("UPDATE schedrace.alembic_version SET version_num = '9999'", database_url)
    with pytest.raises(StorageImpossible, match=r"newer SchedRace \(schema 9999; this one knows"):
        upgrade(engine)
