"""SchedRace's own PostgreSQL in tests: quickly made, and put away after each of them, so that no server and no folder
is left."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from persistence.embedded.account import Account
from persistence.embedded.binaries import Binaries
from persistence.embedded.cluster import Cluster, cluster_folder, make_folder, socket_url
from persistence.embedded.keeper import stop_server

STOPS_WITHIN_S = 10.0
initialise = Cluster._initialise


@dataclass
class MadeData:
    """What initdb makes, made once and then copied, in a tenth of its time; a server on it does not wait for the disk,
    which matters only where the power fails."""

    folder: Path
    _making: threading.Lock = field(default_factory=threading.Lock)

    def initialise(self, cluster: Cluster, binaries: Binaries, account: Account) -> None:
        """Stand in for the initdb of a cluster."""
        if cluster._folder == self.folder:
            initialise(cluster, binaries, account)
        else:
            self.copy_to(cluster._folder)

    def copy_to(self, folder: Path) -> None:
        """Copy it into the folder of a cluster, also for a program that starts there."""
        with self._making:
            if not self.folder.exists():
                self._make()
        make_folder(folder)
        subprocess.run(["cp", "-a", self.folder / "data", folder / "data.new"], check=True)
        (folder / "data.new").rename(folder / "data")

    def _make(self) -> None:
        make_folder(self.folder)
        cluster = Cluster(self.folder)
        cluster.start()
        url = socket_url(self.folder)
        assert url is not None
        run_statement("ALTER SYSTEM SET fsync = off", url)
        cluster.stop()


def put_away(data_dir: Path) -> None:
    """Stop the server of a data folder of SchedRace and remove its cluster; does nothing where there is none."""
    folder = cluster_folder(data_dir)
    if folder.exists():
        stop_server(data_dir)
        remove_cluster(folder)


def remove_cluster(folder: Path) -> None:
    """Remove a cluster whose owner has ended, and the socket of a server that was killed."""
    _wait_for_the_server_of_a_program(folder / "data" / "postmaster.pid")
    socket = folder / "socket"
    if socket.exists() and (socket_dir := Path(socket.read_text().strip())).exists():
        shutil.rmtree(socket_dir)
    shutil.rmtree(folder)


def _wait_for_the_server_of_a_program(pid_file: Path) -> None:
    """A program that the test ran takes its server with it, which needs a moment to write its last checkpoint."""
    until = time.monotonic() + STOPS_WITHIN_S
    while pid_file.exists() and time.monotonic() < until:
        time.sleep(0.02)


def run_statement(statement: str, url: str) -> list[tuple[object, ...]]:
    """Run one statement on a connection of its own and return its rows."""
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
