"""A real PostgreSQL for the tests of this folder: our own one, started once; each test gets a database of its own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from persistence.cluster import cluster_folder
from persistence.embedded import server_url, stop_server
from persistence.settings import StorageSettings


@pytest.fixture(scope="session")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data_dir = tmp_path_factory.mktemp("own server")
    url = server_url(data_dir).replace("+psycopg2", "")
    _run("ALTER SYSTEM SET fsync = off", url)  # dozens of databases: the last checkpoint would take seconds
    _run("SELECT pg_reload_conf()", url)
    yield url
    stop_server(data_dir)
    shutil.rmtree(cluster_folder(data_dir))


@pytest.fixture
def execute(own_server: str) -> Callable[..., list[tuple[object, ...]]]:
    """Run a statement as the server's owner, on ``url`` or the server's main database."""

    def run(statement: str, url: str = own_server) -> list[tuple[object, ...]]:
        return _run(statement, url)

    return run


@pytest.fixture
def database_url(own_server: str, execute: Callable[..., object]) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    execute(f"CREATE DATABASE {name}")
    return own_server.replace("/schedrace?", f"/{name}?")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> StorageSettings:
    return StorageSettings(kind="postgresql", data_dir=tmp_path).with_url(database_url, "the test")


def _run(statement: str, url: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
