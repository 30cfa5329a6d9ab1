"""Our own PostgreSQL in real processes: as whoever runs the tests, and, when that is root, as nobody in particular."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from persistence.checking.report import check_database
from persistence.embedded.account import ROOT_FOLDER, server_account
from persistence.embedded.cluster import cluster_folder
from persistence.embedded.keeper import server_url, stop_server
from persistence.errors import StorageImpossible
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.own_postgresql import put_away
from tests.persistence.embedded.machines import Machine, ask, end, kill, python_for, server_pid, wait_until
from tests.persistence.records import PLUGINS

NO_SUCH_USER = 54_321


def test_it_starts_in_any_folder_and_stops_with_us(machine: Machine) -> None:
    machine.umask, machine.made = 0o077, None
    machine.environment = {"LC_ALL": "xx_YY.UTF-8", "PGDATA": "/nowhere", "PGPORT": "1"}
    data_dir = machine.folder / ("spaces, commas and 'quotes', späß 数据, and " + 45 * "long")
    process = machine.start(data_dir)
    assert ask(process).startswith("postgresql+psycopg2://schedrace@/schedrace?host=")
    assert server_pid(machine.cluster(data_dir)) is not None
    if machine.cluster(data_dir).parent == ROOT_FOLDER:
        assert (machine.cluster(data_dir) / "data_folder").read_bytes() == os.fsencode(data_dir)
    end(process)
    assert server_pid(machine.cluster(data_dir)) is None


def test_another_instance_takes_over_when_the_owner_is_killed(machine: Machine) -> None:
    data_dir = machine.folder / "shared"
    owner = machine.start(data_dir)
    first = ask(owner)
    other = machine.start(data_dir)
    assert ask(other) == first
    kill(owner)
    began = time.monotonic()
    wait_until(lambda: ask(other) not in (first, ""), 5.0)
    assert time.monotonic() - began < 3.0
    end(other)
    assert server_pid(machine.cluster(data_dir)) is None


def test_no_server_survives_a_killed_program(machine: Machine) -> None:
    process = machine.start(machine.folder / "alone")
    ask(process)
    pid = server_pid(machine.cluster(machine.folder / "alone"))
    assert pid is not None
    kill(process)
    wait_until(lambda: server_pid(machine.cluster(machine.folder / "alone")) is None, 5.0)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(machine: Machine) -> None:
    data_dir = machine.folder / "terminal"
    process = machine.start(data_dir)
    url = ask(process)
    pid = server_pid(machine.cluster(data_dir))
    os.killpg(process.pid, signal.SIGINT)
    assert ask(process) == url
    assert server_pid(machine.cluster(data_dir)) == pid


def test_a_user_without_an_entry_is_told_why_csv_is_used() -> None:
    python = python_for(NO_SUCH_USER)
    folder = Path(tempfile.mkdtemp(prefix="schedrace-test-"))
    os.chown(folder, NO_SUCH_USER, NO_SUCH_USER)
    process = Machine(python, folder, None, NO_SUCH_USER).start(folder / "data")
    try:
        answer = ask(process)
        assert f"The user id {NO_SUCH_USER} has no entry in the list of users" in answer and "CSV" in answer
    finally:
        end(process)
        shutil.rmtree(folder)


def test_data_of_a_version_that_is_not_installed_are_left_alone(tmp_path: Path) -> None:
    folder = cluster_folder(tmp_path)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("7\n")
    try:
        with pytest.raises(StorageImpossible, match=r"belong to PostgreSQL 7, which is not installed here"):
            server_url(tmp_path)
    finally:
        put_away(tmp_path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    folder = cluster_folder(tmp_path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    try:
        with pytest.raises(StorageImpossible, match=r"cannot use the folder .*, so rows are kept as CSV"):
            server_url(tmp_path)
    finally:
        stop_server(tmp_path)
        folder.unlink()


def test_as_root_the_server_runs_without_rights_and_opens_no_private_folder(own_server: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("this is about root")
    account = server_account()
    assert account.uid not in (None, 0)
    assert ROOT_FOLDER.stat().st_mode & 0o777 == 0o711
    data = [path for path in ROOT_FOLDER.glob("*/data") if path.is_dir()]
    assert data and all(path.stat().st_uid == account.uid and path.stat().st_mode & 0o77 == 0 for path in data)


def test_where_no_postgresql_can_run_rows_are_kept_as_csv_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.embedded.cluster.find_binaries", lambda major: None)
    try:
        storage = open_storage(StorageSettings("auto", data_dir=tmp_path), PLUGINS)
        assert storage.kind == "csv"
        assert storage.why.startswith("There is no PostgreSQL for this machine") and storage.problem is None
        report = check_database(StorageSettings("auto", data_dir=tmp_path), PLUGINS)
        assert (report.healthy, report.storage) == (True, "csv")
    finally:
        put_away(tmp_path)
