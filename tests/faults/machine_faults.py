"""Faults of the machine: full disks, killed programs, a clock that goes back, two programs on one folder."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from persistence.embedded.account import server_account
from persistence.recording.shipping import ship_left_behind
from persistence.storage import open_storage
from tests.faults.bookkeeping import Kept
from tests.faults.campaign import LONGEST_STALL_S, Fault, Scene
from tests.faults.patient import Patient
from tests.faults.server_faults import server_processes
from tests.persistence.records import PLUGINS

_JOURNAL_FULL = "cannot be written: No space left on device. Free some space"
_DISK_MB = 128


@contextmanager
def file_size_limited(scene: Scene) -> Iterator[None]:
    """The journal may grow no more than some bytes: a full quota, as anybody can have it."""
    journal = scene.data_dir / "runs" / scene.run / "scheduler_results.csv"
    limit = journal.stat().st_size + scene.rng.randrange(5000)
    pid, endless = scene.patient.process.pid, resource.RLIM_INFINITY
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, endless))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (endless, endless))


@contextmanager
def journal_on_small_disk(scene: Scene) -> Iterator[None]:
    with _small_disk(scene.folder / "disk") as disk:
        scene.data_dir = disk / "data"
        scene.data_dir.mkdir()
        yield


@contextmanager
def table_on_small_disk(scene: Scene) -> Iterator[None]:
    """The table of results is in a tablespace of its own."""
    open_storage(scene.settings, PLUGINS)  # makes the tables
    with _small_disk(Path("/var/lib/schedrace") / f"faults-{os.getpid()}") as disk:
        account = server_account()
        space = disk / "space"
        space.mkdir(mode=0o700)
        account.give(space)
        scene.server.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
        scene.server.execute("ALTER TABLE schedrace.scheduler_results SET TABLESPACE small")
        scene.environment = {"SMALL_DISK": str(disk)}
        yield
        scene.server.execute("DROP SCHEMA schedrace CASCADE")
        scene.server.execute("DROP TABLESPACE small")


@contextmanager
def journal_disk_full(scene: Scene) -> Iterator[None]:
    with _filled(scene.folder / "disk"):
        yield


@contextmanager
def database_disk_full(scene: Scene) -> Iterator[None]:
    with _filled(Path(scene.environment["SMALL_DISK"])):
        yield


@contextmanager
def killed(scene: Scene) -> Iterator[None]:
    """kill -9 of the SchedRace, sometimes with a torn last line as a power cut leaves it; then it is started again."""
    _kill(scene)
    yield
    scene.start()
    scene.race()


@contextmanager
def both_killed(scene: Scene) -> Iterator[None]:
    """kill -9 of the SchedRace and of the server with all that belongs to it."""
    pids = server_processes(scene.server)
    _kill(scene)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # a backend that ended with its client
    scene.server.stop()
    yield
    scene.server.start()
    scene.start()
    scene.race()


@contextmanager
def clock_set_back(scene: Scene) -> Iterator[None]:
    scene.patient.tell(f"clock {-scene.rng.uniform(0.01, 7200.0)}")
    yield


@contextmanager
def second_on_the_same_run(scene: Scene) -> Iterator[None]:
    """Another SchedRace wants to record under the same run, and a third one brings into the database what it finds."""
    over = threading.Event()
    third = threading.Thread(target=_ship_again_and_again, args=(scene, over))
    second = Patient(scene.folder / "errors")
    second.record(scene.data_dir, scene.url, scene.environment)
    try:
        second.tell(f"race {scene.run}")
        third.start()
        ((_, sentence),) = second.problems(0.0, until="another SchedRace", seconds=15.0)
        scene.sentences.append(sentence)
        yield
        scene.patient.tell("finish")  # the journal is free then, but not for the second
        first = scene.patient.hears("over", 20.0)
        time.sleep(scene.rng.uniform(0.0, 1.5))
        second.tell("finish")
        told = second.hears("over", 20.0)
        assert told["digest"] == first["digest"]
        assert told["longest_call_s"] < LONGEST_STALL_S
        assert told["problem"].endswith(".")
    finally:
        over.set()
        second.kill()
        third.join()


def _ship_again_and_again(scene: Scene, over: threading.Event) -> None:
    while not over.wait(0.02):
        ship_left_behind(open_storage(scene.settings, PLUGINS))


def _kill(scene: Scene) -> None:
    scene.patient.kill()
    scene.cut.append(Kept(scene.run, scene.patient.safe_results(), complete=False))
    if scene.rng.random() < 0.5:
        with (scene.data_dir / "runs" / scene.run / "scheduler_results.csv").open("ab") as file:
            file.write(b'"mct",99999999,0.5')


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", folder], check=True, timeout=10)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=10)
        folder.rmdir()


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    """A disk without a byte to spare."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        while free := shutil.disk_usage(disk).free:
            try:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), free)
            except OSError:  # somebody else was faster with the last pages
                continue
    yield
    ballast.unlink()


MACHINE_FAULTS = (
    Fault("journal's quota full", file_size_limited, "cannot be written: File too large. Free some space"),
    Fault("journal's disk full", journal_disk_full, _JOURNAL_FULL, stage=journal_on_small_disk, needs_root=True),
    Fault(
        "database's disk full",
        database_disk_full,
        "has no disk space left.",
        stage=table_on_small_disk,
        needs_root=True,
    ),
    Fault("SchedRace killed", killed, ""),
    Fault("SchedRace and server killed", both_killed, ""),
    Fault("clock set back", clock_set_back, ""),
    Fault("second SchedRace on the same run", second_on_the_same_run, "another SchedRace"),
)
