"""A server that logs in and then says nothing (a pgbouncer that is paused, a proxy that stalls) holds nobody up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from persistence.checking.report import check_database
from persistence.database import connecting, watchdog
from persistence.database.connecting import connected
from persistence.database.connection import DATABASE_ERRORS, asks_for_password, engine_for
from persistence.database.connection import test_connection as check_connection
from persistence.database.opening import open_database
from persistence.errors import StorageError
from persistence.journal.reader import JournalReader
from persistence.settings import StorageSettings
from tests.faults.conftest import Server
from tests.faults.proxy import Proxy
from tests.persistence.records import PLUGINS

LIMIT_S = 0.3
AT_MOST_S = 3.0
ENDS_WITHIN_S = 20.0
OBEYS_WITHIN_S = 5.0
REPOSITORY = Path(__file__).parents[2]
DOES_NOT_ANSWER = "does not answer (no answer within"


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server.address / ".s.PGSQL.5432")
    proxy.silent_after_login = True
    yield proxy
    proxy.close()


@pytest.fixture
def silent(proxy: Proxy, settings: StorageSettings) -> StorageSettings:
    url = f"postgresql://schedrace@127.0.0.1:{proxy.port}/schedrace?sslmode=disable"
    return settings.with_url(url, "the test")


@pytest.fixture
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of a test instead of 3 s."""
    monkeypatch.setattr(connecting, "limited", lambda connection, *_: watchdog.limited(connection, LIMIT_S))


def answer(ask: Callable[[], object]) -> object:
    """Return what a question is answered, or the error; one without an answer ends with the proxy."""
    heard: list[object] = []

    def listen() -> None:
        try:
            heard.append(ask())
        except (StorageError, *DATABASE_ERRORS) as error:
            heard.append(error)

    asking = threading.Thread(target=listen, daemon=True)
    asking.start()
    asking.join(AT_MOST_S)
    assert heard, "it waits"
    return heard[0]


@pytest.mark.usefixtures("short_limit")
def test_the_button_in_the_settings_says_that_the_server_does_not_answer(silent: StorageSettings) -> None:
    assert DOES_NOT_ANSWER in str(answer(lambda: check_connection(str(silent.url))))


@pytest.mark.usefixtures("short_limit")
def test_no_password_is_asked_for_where_the_server_does_not_answer(silent: StorageSettings) -> None:
    assert answer(lambda: asks_for_password(str(silent.url))) is False


@pytest.mark.usefixtures("short_limit")
def test_a_storage_is_opened_or_given_up(silent: StorageSettings) -> None:
    assert DOES_NOT_ANSWER in str(answer(lambda: open_database(silent)))


@pytest.mark.usefixtures("short_limit")
def test_a_check_of_the_database_says_so(silent: StorageSettings) -> None:
    assert DOES_NOT_ANSWER in str(answer(lambda: check_database(silent, PLUGINS)))


@pytest.mark.usefixtures("short_limit")
def test_dates_that_are_written_otherwise_there_need_no_question_before_the_limit(
    server: Server, silent: StorageSettings
) -> None:
    server.execute("ALTER DATABASE schedrace SET datestyle = 'German'")
    try:
        assert DOES_NOT_ANSWER in str(answer(lambda: check_connection(str(silent.url))))
    finally:
        server.execute("ALTER DATABASE schedrace RESET datestyle")


@pytest.mark.usefixtures("short_limit")
def test_the_end_of_a_connection_is_limited_too(proxy: Proxy, silent: StorageSettings) -> None:
    proxy.silent_after_login = False

    def ask() -> None:
        with connected(engine_for(str(silent.url))) as connection:
            connection.exec_driver_sql("SELECT 1")
            proxy.pumping.clear()

    assert watchdog.NO_ANSWER in str(answer(ask))


@pytest.mark.usefixtures("short_limit")
def test_ctrl_c_is_not_forgotten_in_a_call_that_is_given_up(proxy: Proxy, silent: StorageSettings) -> None:
    """psycopg2 prints and forgets what is raised while it reads the message of a broken connection."""
    pressed = threading.Thread(target=lambda: proxy.swallowed.wait(10.0) and os.kill(os.getpid(), signal.SIGINT))
    pressed.start()
    with pytest.raises(KeyboardInterrupt):
        asks_for_password(str(silent.url))
    pressed.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def schedrace(settings: StorageSettings, *arguments: str) -> subprocess.Popen[str]:
    where = {"SCHEDRACE_DATA_DIR": str(settings.data_dir), "SCHEDRACE_DATABASE_URL": str(settings.url)}
    command = [sys.executable, "-m", "app", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **where}, stdout=pipe, stderr=pipe, text=True)


def end(process: subprocess.Popen[str], within_s: float) -> str:
    """Return all that a process says until it ends."""
    try:
        return "".join(process.communicate(timeout=within_s))
    finally:
        process.kill()
        process.communicate()


def test_check_db_ends_and_a_race_is_raced_into_its_journal(silent: StorageSettings, tmp_path: Path) -> None:
    """Both at once: they wait out the real limits."""
    check = schedrace(replace(silent, data_dir=tmp_path / "of the check"), "check-db")
    race = schedrace(silent, "race", "--quiet", "--tasks", "200", "--schedulers", "mct")
    end(race, ENDS_WITHIN_S)
    assert DOES_NOT_ANSWER in end(check, ENDS_WITHIN_S)
    assert (check.returncode, race.returncode) == (1, 0)
    [run] = silent.runs_dir.glob("*/run.json")
    assert JournalReader(run.parent).rows("scheduler_results") == 200


def test_a_race_that_waits_for_the_server_obeys_ctrl_c(proxy: Proxy, silent: StorageSettings) -> None:
    process = schedrace(silent, "race", "--quiet", "--tasks", "200", "--schedulers", "mct")
    assert proxy.swallowed.wait(ENDS_WITHIN_S)
    process.send_signal(signal.SIGINT)
    end(process, OBEYS_WITHIN_S)
    assert process.returncode == 130
