"""SchedRace's own PostgreSQL in tests: put away after each of them, so that no server and no folder is left."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import psycopg2

from persistence.embedded.cluster import cluster_folder
from persistence.embedded.keeper import stop_server

STOPS_WITHIN_S = 10.0


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
