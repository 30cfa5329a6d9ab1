"""Faults of the server and of what it grants."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from tests.faults.campaign import Fault, Scene
from tests.faults.conftest import Server

_CUT = "has stopped, or the connection to it was cut."


@contextmanager
def stopped(scene: Scene) -> Iterator[None]:
    """A fast shutdown, as an administrator asks for it."""
    scene.server.stop()
    yield
    scene.server.start()


@contextmanager
def stopped_at_once(scene: Scene) -> Iterator[None]:
    """An immediate shutdown: no checkpoint, the last commits may be forgotten."""
    os.kill(scene.server.postmaster(), signal.SIGQUIT)
    scene.server.stop()
    yield
    scene.server.start()


@contextmanager
def connection_terminated(scene: Scene) -> Iterator[None]:
    scene.server.end_connections()
    yield


@contextmanager
def frozen(scene: Scene) -> Iterator[None]:
    """SIGSTOP: sockets stay open, nobody answers. It lasts until the sentence is there: longer than the limits."""
    pids = server_processes(scene.server)
    try:
        for pid in pids:
            _send(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(pids):
            _send(pid, signal.SIGCONT)


@contextmanager
def table_locked(scene: Scene) -> Iterator[None]:
    somebody = psycopg2.connect(scene.server.url.replace("+psycopg2", ""))
    try:
        with somebody.cursor() as cursor:
            cursor.execute("LOCK TABLE schedrace.scheduler_results IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        somebody.close()


@contextmanager
def table_renamed(scene: Scene) -> Iterator[None]:
    scene.server.execute("ALTER TABLE schedrace.scheduler_results RENAME TO results_of_last_year")
    yield
    scene.server.execute("ALTER TABLE schedrace.results_of_last_year RENAME TO scheduler_results")


@contextmanager
def rights_revoked(scene: Scene) -> Iterator[None]:
    scene.server.execute("REVOKE INSERT ON schedrace.scheduler_results FROM racer")
    yield
    scene.server.execute("GRANT INSERT ON schedrace.scheduler_results TO racer")


@contextmanager
def read_only(scene: Scene) -> Iterator[None]:
    """Holds for new sessions, so the old ones are ended."""
    scene.server.execute("ALTER ROLE racer SET default_transaction_read_only = on")
    scene.server.end_connections()
    yield
    scene.server.execute("ALTER ROLE racer RESET default_transaction_read_only")


@contextmanager
def password_rotated(scene: Scene) -> Iterator[None]:
    """The server has a new password; the file that libpq reads has it a moment later."""
    new = f"{scene.rng.getrandbits(64):x}"
    scene.server.execute(f"ALTER ROLE racer PASSWORD '{new}'")
    scene.server.end_connections()
    yield
    _write_passfile(scene, new)


@contextmanager
def as_racer(scene: Scene) -> Iterator[None]:
    """The SchedRace connects as a user who may do no more than he must."""
    scene.server.execute("CREATE ROLE racer LOGIN PASSWORD 'first'")
    scene.server.execute("GRANT CREATE ON DATABASE schedrace TO racer")
    scene.url = scene.server.url.replace("schedrace@", "racer@")
    try:
        yield
    finally:
        scene.server.end_connections()
        scene.server.execute("DROP OWNED BY racer CASCADE")
        scene.server.execute("DROP ROLE racer")


@contextmanager
def as_racer_with_password(scene: Scene) -> Iterator[None]:
    """That user must give a password, which is in the file of libpq."""
    rules = Path(str(scene.server.execute("SHOW hba_file")[0][0]))
    before = rules.read_text()
    with as_racer(scene):
        _write_passfile(scene, "first")
        scene.environment = {"PGPASSFILE": str(_passfile(scene))}
        rules.write_text(f"local all racer scram-sha-256\n{before}")
        scene.server.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            rules.write_text(before)
            scene.server.execute("SELECT pg_reload_conf()")


def server_processes(server: Server) -> list[int]:
    """Return the postmaster, then its children."""
    postmaster = server.postmaster()
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # a backend that has just ended


def _passfile(scene: Scene) -> Path:
    return scene.folder / "passwords"


def _write_passfile(scene: Scene, password: str) -> None:
    path = _passfile(scene)
    path.touch(mode=0o600)
    path.write_text(f"*:*:*:racer:{password}\n")


SERVER_FAULTS = (
    Fault("server stopped fast", stopped, "The database postgresql://"),
    Fault("server stopped immediately", stopped_at_once, "The database postgresql://"),
    Fault("connection terminated", connection_terminated, _CUT),
    Fault("server frozen", frozen, "does not answer"),
    Fault("table locked", table_locked, "is locked by somebody else"),
    Fault("table renamed", table_renamed, "has lost a table"),
    Fault("rights revoked", rights_revoked, "'racer'", stage=as_racer),
    Fault("session read-only", read_only, "can only be read", stage=as_racer),
    Fault("password rotated", password_rotated, "refused the password", stage=as_racer_with_password),
)
