"""A database of an older SchedRace: the window says that it is changed."""

from __future__ import annotations

import pytest
from sqlalchemy.schema import CreateSchema

from persistence.database.connection import engine_for
from persistence.database.migrate import run_migrations
from persistence.schema import SCHEMA, SCHEMA_VERSION
from persistence.settings import URL_VARIABLE


@pytest.fixture
def older_database(database_url, monkeypatch):
    """A database as the first SchedRace left it; the settings mean it."""
    with engine_for(database_url).begin() as connection:
        connection.execute(CreateSchema(SCHEMA))
        run_migrations(connection, "0001")
    monkeypatch.setenv(URL_VARIABLE, database_url)


@pytest.mark.parametrize("storage_kind", ["auto"])
def test_the_log_says_that_an_older_database_is_migrated(older_database, hands, execute, database_url):
    hands.wait(lambda: any("was last used by an older SchedRace" in line for line in hands.log))
    assert hands.window.log.isVisible()
    hands.wait(
        lambda: execute("SELECT version_num FROM schedrace.alembic_version", database_url) == [(SCHEMA_VERSION,)]
    )
