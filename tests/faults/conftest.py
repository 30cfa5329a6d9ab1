"""A PostgreSQL that a test may stop and start, at an address that stays the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from persistence.embedded.cluster import Cluster, cluster_folder, make_folder, socket_url
from persistence.settings import StorageSettings


@dataclass
class Server:
    """Start and stop as often as you like; ``url`` stays."""

    folder: Path
    address: Path
    url: str = ""
    cluster: Cluster | None = None

    def start(self) -> None:
        self.cluster = Cluster(self.folder)
        self.cluster.start()
        url = socket_url(self.folder)
        assert url is not None
        socket_dir = url.split("host=")[1].split("&")[0]
        self.address.unlink(missing_ok=True)
        self.address.symlink_to(socket_dir)
        self.url = url.replace(socket_dir, str(self.address))

    def stop(self) -> None:
        assert self.cluster is not None
        self.cluster.stop()

    def postmaster(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split("\n")[0])

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.url.replace("+psycopg2", ""))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def end_connections(self) -> None:
        """End all but the one that says so, and wait until they are gone."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="module")
def started_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = cluster_folder(tmp_path_factory.mktemp("server"))
    make_folder(folder)
    short = Path(tempfile.mkdtemp(prefix="schedrace-test-"))
    server = Server(folder, short / "s")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
        shutil.rmtree(short)


@pytest.fixture
def server(started_server: Server) -> Server:
    """The running server, without tables of ours.

    Who froze it left it questions, which it answers when it is thawed, though nobody waits for them: they hold locks.
    """
    started_server.end_connections()
    started_server.execute("DROP SCHEMA IF EXISTS schedrace CASCADE")
    return started_server


@pytest.fixture
def settings(server: Server, tmp_path: Path) -> StorageSettings:
    return StorageSettings(kind="postgresql", data_dir=tmp_path / "data").with_url(server.url, "the test")
