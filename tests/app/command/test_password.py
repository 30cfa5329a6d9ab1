"""Where the password of a database comes from, and that it goes nowhere."""

from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Command

SECRET = "hEMLock%2Fand%3Ablack+tea"  # as a URL writes it
PLAIN = "hEMLock/and:black+tea"
RACE = ("race", "--tasks", "120", "--schedulers", "mct,random", "--json")
Execute = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def secret_url(guarded_url: str, execute: Execute) -> str:
    """The URL of a user with a password that is found in nothing else."""
    execute(f"ALTER ROLE guarded PASSWORD '{PLAIN}'")
    return guarded_url


def with_secret(url: str) -> str:
    return url.replace("guarded@", f"guarded:{SECRET}@").replace("+psycopg2", "")


def assert_no_secret(*texts: str) -> None:
    for text in texts:
        assert SECRET not in text and PLAIN not in text and SECRET[:7] not in text


def assert_no_secret_below(folder: Path) -> None:
    for path in filter(Path.is_file, folder.rglob("*")):
        assert SECRET[:7].encode() not in path.read_bytes(), path


def test_no_file_log_or_output_of_a_race_holds_its_password(
    schedrace: Command,
    secret_url: str,
    own_folders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", with_secret(secret_url))
    commands = [
        (*RACE, "--timing", "--out", tmp_path / "out"),
        ("check-db", "--json"),
        ("history", "last"),
        ("export", "last", "--out", tmp_path / "export"),
        ("cleanup", "--keep", "0", "--dry-run"),
    ]
    for command in commands:
        said = schedrace(*command)
        assert said.status == 0, (command, said.err)
        assert_no_secret(said.out, said.err)
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", with_secret(secret_url).replace("black", "green"))
    for command in [(*RACE, "--storage", "postgresql"), ("check-db",), ("history",), ("doctor",)]:
        said = schedrace(*command)
        assert_no_secret(said.out, said.err)
    assert_no_secret(*(f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records))
    assert len(list(own_folders.rglob("*.csv"))) >= 4 and len(list(tmp_path.rglob("*.csv"))) >= 4
    assert_no_secret_below(own_folders)
    assert_no_secret_below(tmp_path)


def test_no_process_shows_a_password_that_the_environment_holds(secret_url: str) -> None:
    environment = {**os.environ, "SCHEDRACE_DATABASE_URL": with_secret(secret_url)}
    command = [sys.executable, "-m", "app", *RACE, "--storage", "postgresql"]
    race = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    shown = []
    while race.poll() is None:
        ps = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True)
        shown.append(ps.stdout)
        time.sleep(0.1)
    out, err = race.communicate()
    assert json.loads(out)["storage"]["rows_written"] == 240
    assert any(" race --tasks 120" in text for text in shown)
    assert_no_secret(out, err, *shown)


def test_a_password_among_the_arguments_works_with_a_warning(schedrace: Command, secret_url: str) -> None:
    said = schedrace(*RACE, "--db-url", with_secret(secret_url))
    assert said.status == 0 and json.loads(said.out)["storage"]["rows_written"] == 240
    assert "The password in --db-url can be read by everybody" in said.err and "~/.pgpass" in said.err
    assert_no_secret(said.out, said.err)
    assert "can be read by everybody" not in schedrace(*RACE, "--db-url", "postgresql://me@127.0.0.1:1/x").err


def test_a_password_file_opens_the_database_unless_others_can_read_it(
    schedrace: Command, secret_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passfile = tmp_path / "passwords"
    escaped = PLAIN.replace(":", "\\:")
    passfile.write_text(f"*:*:*:guarded:{escaped}\n")
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", secret_url)
    passfile.chmod(0o644)
    refused = schedrace(*RACE, "--storage", "postgresql")
    assert refused.status == 1
    assert "asks for the password of 'guarded', and there is none" in refused.err
    assert f"chmod 600 {passfile}" in refused.err
    report = json.loads(schedrace("check-db", "--json").out)
    (line,) = [check for check in report["checks"] if check["name"] == "passfile"]
    assert line["status"] == "warn" and "can be read by others" in line["detail"]
    passfile.chmod(0o600)
    assert schedrace("check-db").status == 0  # which brings in what waited in the journal
    assert json.loads(schedrace(*RACE, "--storage", "postgresql").out)["storage"]["rows_written"] == 240


def test_a_service_file_names_the_database_and_holds_the_password(
    schedrace: Command, secret_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = secret_url.split("host=")[1].split("&")[0]
    database = secret_url.split("/")[3].split("?")[0]
    services = tmp_path / "services"
    services.write_text(
        f"[other]\nhost=db.example.com\n[races]\nhost={socket}\ndbname={database}\nuser=guarded\npassword={PLAIN}\n"
    )
    services.chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", "postgresql://?service=races")
    race = json.loads(schedrace(*RACE).out)
    assert race["storage"]["rows_written"] == 240 and race["storage"]["where"] == "postgresql://?service=races"
    said = schedrace("check-db")
    assert said.status == 0 and "url: postgresql://?service=races, from the environment" in said.out
    assert f"host: the socket in {socket}" in said.out and "user: guarded" in said.out
    assert_no_secret(said.out, said.err)
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", "postgresql://?service=lost")
    lost = schedrace("check-db")
    assert lost.status == 1 and 'definition of service "lost" not found' in lost.out


class AtATerminal:
    """``schedrace ARGUMENTS`` with a terminal as its standard input."""

    def __init__(self, *arguments: str) -> None:
        self.master, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        os.close(terminal)

    def asked(self, sign: str) -> str:
        """Wait for a question on standard error."""
        assert self.process.stderr is not None
        said = ""
        while sign not in said:
            letter = self.process.stderr.read(1)
            assert letter, said
            said += letter
        return said

    def answer(self, text: str) -> tuple[int, str, str, str]:
        """Type, and return status, output, errors and what the terminal showed."""
        os.write(self.master, f"{text}\n".encode())
        out, err = self.process.communicate(timeout=60)
        os.set_blocking(self.master, False)
        try:
            echo = os.read(self.master, 10_000).decode()
        except OSError:
            echo = ""
        os.close(self.master)
        return self.process.returncode, out, err, echo


@pytest.mark.parametrize("command", [RACE, ("check-db", "--json")])
def test_a_terminal_is_asked_once_without_showing_what_is_typed(
    command: tuple[str, ...], secret_url: str, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", secret_url)
    terminal = AtATerminal(*command)
    assert "Password for postgresql://guarded@" in terminal.asked(": ")
    status, out, err, echo = terminal.answer(PLAIN)
    assert status == 0, err
    assert json.loads(out).get("healthy", True)
    assert "Password" not in err
    assert_no_secret(out, err, echo)
    assert_no_secret_below(own_folders)


def test_a_wrong_password_at_the_terminal_is_a_sentence(secret_url: str) -> None:
    terminal = AtATerminal("history", "--db-url", secret_url)
    terminal.asked(": ")
    status, _, err, _ = terminal.answer("wrong")
    assert status == 1 and "refused the password of 'guarded'" in err


def test_nobody_is_asked_without_a_terminal(schedrace: Command, secret_url: str) -> None:
    said = schedrace("history", "--db-url", secret_url)
    assert said.status == 1 and "Password for" not in said.err
    assert "asks for the password of 'guarded'" in said.err
