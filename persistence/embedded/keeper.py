"""Our own PostgreSQL: one instance of SchedRace owns and runs it, the others connect and stand ready to take over.

Each process that uses a cluster has one keeper thread. It holds the file lock and is the parent of the server (so the
server lives as long as this thread, and Linux stops it with us, however we end), or it waits for the lock.
"""

from __future__ import annotations

import atexit
import logging
import signal
import threading
import time
from pathlib import Path

import psycopg2

from persistence.embedded.cluster import START_S, Cluster, cluster_folder, make_folder, socket_url
from persistence.embedded.roots import note_data_dir
from persistence.errors import StorageError, StorageImpossible
from persistence.filelock import FileLock
from persistence.folder import check_usable

TAKE_OVER_POLL_S = 0.2
_RESTART_S = 0.5
_log = logging.getLogger(__name__)
_keepers: dict[Path, Keeper] = {}
_keepers_lock = threading.Lock()


def server_url(data_dir: Path) -> str:
    """Return the URL of a server that answers, starting one if nobody runs it; takes up to some seconds.

    Raises :class:`StorageImpossible` where it can never run, else :class:`StorageError`.
    """
    check_usable(data_dir)
    folder = cluster_folder(data_dir)
    with _keepers_lock:
        keeper = _keepers.get(folder)
        if keeper is None or keeper.ended:
            keeper = _keepers[folder] = Keeper(folder, data_dir.resolve())
    return keeper.url()


def stop_server(data_dir: Path) -> None:
    """Let go of our own PostgreSQL: stop it if we own it (another instance then takes over)."""
    with _keepers_lock:
        keeper = _keepers.pop(cluster_folder(data_dir), None)
    if keeper is not None:
        keeper.stop()


class Keeper:
    """The thread that owns a cluster or waits to."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self._folder, self._data_dir = folder, data_dir
        self._stopping = threading.Event()
        self._problem: StorageError | None = None
        self._thread = threading.Thread(target=self._run, name="own PostgreSQL", daemon=True)
        self._thread.start()
        atexit.register(self._stop_at_exit)

    @property
    def ended(self) -> bool:
        """Whether the thread is gone (stopped, or it cannot work here)."""
        return not self._thread.is_alive()

    def url(self) -> str:
        """Wait until a server answers and return its URL."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            url = socket_url(self._folder)
            if url and _answers(url):
                return url
            if self._problem is not None:
                raise self._problem
            if self.ended:
                raise StorageError("SchedRace's own PostgreSQL was stopped.")
            time.sleep(0.01)
        raise StorageError(f"SchedRace's own PostgreSQL in {self._folder} does not answer. See server.log there.")

    def stop(self) -> None:
        """Stop the server if it is ours, and end the thread."""
        self._stopping.set()
        self._thread.join(2 * START_S)
        atexit.unregister(self._stop_at_exit)

    def _stop_at_exit(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server is stopped cleanly, whoever is impatient
        self.stop()

    def _run(self) -> None:
        try:
            make_folder(self._folder)
            note_data_dir(self._folder, self._data_dir)
            lock = FileLock(self._folder / "lock")
            while not self._stopping.is_set():
                if lock.acquire():
                    try:
                        self._own()
                    finally:
                        lock.release()
                else:
                    self._problem = None  # somebody else runs it
                    self._stopping.wait(TAKE_OVER_POLL_S)
        except StorageImpossible as error:
            self._problem = error
        except OSError as error:
            self._problem = StorageImpossible(
                f"SchedRace's own PostgreSQL cannot use the folder {self._folder}: {error.strerror or error}, so rows "
                "are kept as CSV. Make the folder writable, or set a database URL in the settings."
            )

    def _own(self) -> None:
        """Run the server until we are told to stop; start it again when it ends by itself."""
        while not self._stopping.is_set():
            cluster = Cluster(self._folder)
            try:
                cluster.start()
                self._problem = None
                while cluster.running() and not self._stopping.is_set():
                    self._stopping.wait(0.1)
                if not self._stopping.is_set():
                    _log.warning("The embedded PostgreSQL in %s ended; it is started again", self._folder)
            except StorageImpossible:
                raise
            except StorageError as error:
                self._problem = error
                self._stopping.wait(_RESTART_S)
            finally:
                cluster.stop()


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url.replace("+psycopg2", ""), connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


__all__ = ["Keeper", "cluster_folder", "server_url", "stop_server"]
