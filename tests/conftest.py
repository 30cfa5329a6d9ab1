"""What every test gets: folders of its own, no display, no thread left behind, no error logged in silence."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from persistence.database.connection import asks_for_password
from persistence.embedded.cluster import Cluster, cluster_folder
from persistence.embedded.keeper import server_url
from tests.own_postgresql import MadeData, put_away, run_statement

# before anything imports Qt
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# a shell without job control starts what stands before '&' with Ctrl-C ignored, and our children would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# the machine may be busy: laws are about values, not about how long one example took
settings.register_profile("schedrace", deadline=None)
settings.load_profile("schedrace")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep the user's settings, data and plugins out of the tests, and the tests' out of the user's."""
    home = tmp_path_factory.mktemp("schedrace")
    monkeypatch.setenv("SCHEDRACE_CONFIG_DIR", str(home / "config"))
    monkeypatch.setenv("SCHEDRACE_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("SCHEDRACE_PLUGINS", str(home / "plugins"))
    monkeypatch.delenv("SCHEDRACE_DATABASE_URL", raising=False)
    yield home
    put_away(home / "data")


@pytest.fixture(scope="session", autouse=True)
def made_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeData]:
    """No initdb in this process but the first one, and those of tests that are about it."""
    made = MadeData(cluster_folder(tmp_path_factory.mktemp("made data")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cluster, "_initialise", lambda *arguments: made.initialise(*arguments))
        yield made
    shutil.rmtree(made.folder, ignore_errors=True)  # nobody may have needed it


@pytest.fixture(scope="session")
def own_server(tmp_path_factory: pytest.TempPathFactory, made_data: MadeData) -> Iterator[str]:
    """The URL of our own PostgreSQL, started once for all tests that need some database."""
    data_dir = tmp_path_factory.mktemp("own server")
    try:
        yield server_url(data_dir).replace("+psycopg2", "")
    finally:
        put_away(data_dir)


@pytest.fixture
def execute(own_server: str) -> Callable[..., list[tuple[object, ...]]]:
    """Run a statement as the server's owner, on ``url`` or the server's main database."""

    def run(statement: str, url: str = own_server) -> list[tuple[object, ...]]:
        return run_statement(statement, url)

    return run


@pytest.fixture
def database_url(own_server: str, execute: Callable[..., object]) -> Iterator[str]:
    """A database of the test's own, without tables."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    execute(f"CREATE DATABASE {name}")
    yield own_server.replace("/schedrace?", f"/{name}?")
    execute(f"DROP DATABASE {name} WITH (FORCE)")  # hundreds of them are gigabytes, written and removed at the end


@pytest.fixture
def guarded_url(database_url: str, execute: Callable[..., list[tuple[object, ...]]]) -> Iterator[str]:
    """The URL of a user whom the server asks for the password 'right', also behind its socket."""
    database = database_url.split("/")[3].split("?")[0]
    execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    execute(f"GRANT CREATE ON DATABASE {database} TO guarded")
    rules = Path(str(execute("SHOW hba_file")[0][0]))
    before = rules.read_text()
    url = database_url.replace("schedrace@", "guarded@")
    try:
        rules.write_text(f"local {database} guarded scram-sha-256\n{before}")
        execute("SELECT pg_reload_conf()")
        until = time.monotonic() + 5
        while not asks_for_password(url):
            assert time.monotonic() < until, "the server has not read its rules again"
        yield url
    finally:
        rules.write_text(before)
        execute("SELECT pg_reload_conf()")
        execute("DROP OWNED BY guarded CASCADE", database_url)
        execute("DROP ROLE guarded")


@pytest.fixture(autouse=True)
def no_error_logged_in_silence(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test during which an error was logged, unless it looks at the log itself (``caplog``)."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    if "caplog" not in request.fixturenames:
        assert not records, f"errors were logged: {[record.getMessage() for record in records]}"


@pytest.fixture
def no_thread_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a QThread running; every test that uses Qt gets this."""
    from PySide6.QtCore import QThread

    started: list[QThread] = []
    start = QThread.start

    def remembering_start(thread: QThread, *args: object) -> None:
        started.append(thread)
        start(thread, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(QThread, "start", remembering_start)
    yield
    left = [thread for thread in started if _still_runs(thread)]
    assert not left, f"threads still run after the test: {left}"


def _still_runs(thread: object) -> bool:
    from PySide6.QtCore import QThread
    from shiboken6 import isValid

    return isinstance(thread, QThread) and isValid(thread) and thread.isRunning() and not thread.wait(2000)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Add :func:`no_thread_left` to the tests that use Qt; the others pay nothing."""
    names = getattr(item, "fixturenames", [])
    if {"qtbot", "qapp"} & set(names) and "no_thread_left" not in names:
        names.append("no_thread_left")
