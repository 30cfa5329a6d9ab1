"""The database goes away while a race is recorded: nothing is lost, nothing doubled, the race is never held up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from persistence.checking.report import check_database
from persistence.embedded.cluster import cluster_folder
from persistence.recording.recorder import Recorder
from persistence.recording.shipping import ship_left_behind
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.faults.conftest import Server
from tests.own_postgresql import put_away
from tests.persistence.records import PLUGINS, finished, header

PROGRAM = Path(__file__).with_name("recording_program.py")
REPOSITORY = Path(__file__).parents[2]


class Race:
    """Finishes 20 tasks every 10 ms in a thread of its own and remembers its longest wait for the recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self.rows = 0
        self.longest_s = 0.0
        self._recorder = recorder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)  # a failed test does not end it
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.01):
            batch = finished(self.rows, 20)
            began = time.monotonic()
            self._recorder.finished(batch)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.rows += 20

    def end(self) -> int:
        self._over.set()
        self._thread.join()
        return self.rows


def wait_for(condition: Callable[[], object], seconds: float = 6.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture
def recorder(settings: StorageSettings) -> Iterator[Recorder]:
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    yield recorder
    recorder.close()


def assert_all_there_once(server: Server, recorder: Recorder, rows: int) -> None:
    status = recorder.close()
    assert (status.rows_written, status.rows_pending, status.problem) == (rows, 0, None)
    assert server.execute("SELECT count(*), count(DISTINCT task), max(task) FROM schedrace.scheduler_results") == [
        (rows, rows, rows - 1)
    ]


def test_a_server_that_stops_and_comes_back(server: Server, recorder: Recorder) -> None:
    race = Race(recorder)
    wait_for(lambda: recorder.status().rows_written > 100)
    server.stop()
    wait_for(lambda: recorder.status().problem)
    problem = recorder.status().problem
    assert problem is not None and problem.endswith(".") and problem.startswith("The database postgresql://")
    assert recorder.status().kind == "postgresql"
    before = race.rows
    wait_for(lambda: race.rows > before + 200)
    server.start()
    wait_for(lambda: recorder.status().problem is None)
    rows = race.end()
    assert race.longest_s < 0.1
    assert_all_there_once(server, recorder, rows)


def test_a_server_that_crashes(server: Server, recorder: Recorder) -> None:
    race = Race(recorder)
    for _ in range(3):
        arrived = recorder.status().rows_written
        wait_for(lambda arrived=arrived: recorder.status().rows_written > arrived + 100)  # type: ignore[misc]
        os.kill(server.postmaster(), signal.SIGQUIT)
        server.stop()
        server.start()
    rows = race.end()
    assert_all_there_once(server, recorder, rows)


def test_a_server_that_falls_silent(server: Server, recorder: Recorder) -> None:
    race = Race(recorder)
    wait_for(lambda: recorder.status().rows_written > 100)
    pids = [server.postmaster(), *(int(str(r[0])) for r in server.execute("SELECT pid FROM pg_stat_activity"))]
    alive = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    try:
        for pid in alive:
            os.kill(pid, signal.SIGSTOP)
        assert wait_for(lambda: recorder.status().problem) < 5.0
    finally:
        for pid in reversed(alive):
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: recorder.status().problem is None)
    rows = race.end()
    assert race.longest_s < 0.1
    assert_all_there_once(server, recorder, rows)


def test_connections_that_are_cut(server: Server, recorder: Recorder) -> None:
    race = Race(recorder)
    for _ in range(5):
        arrived = recorder.status().rows_written
        wait_for(lambda arrived=arrived: recorder.status().rows_written > arrived)  # type: ignore[misc]
        server.end_connections()
    assert_all_there_once(server, recorder, race.end())


def test_a_table_that_somebody_locks(server: Server, recorder: Recorder) -> None:
    race = Race(recorder)
    wait_for(lambda: recorder.status().rows_written > 100)
    somebody = psycopg2.connect(server.url.replace("+psycopg2", ""))
    with somebody.cursor() as cursor:
        cursor.execute("LOCK TABLE schedrace.scheduler_results IN ACCESS EXCLUSIVE MODE")
    wait_for(lambda: recorder.status().problem)
    assert "locked by somebody else" in str(recorder.status().problem)
    somebody.close()
    wait_for(lambda: recorder.status().problem is None)
    assert_all_there_once(server, recorder, race.end())


def test_rights_that_are_taken_away_and_given_back(server: Server, tmp_path: Path) -> None:
    server.execute("CREATE ROLE racer LOGIN")
    server.execute("GRANT CREATE ON DATABASE schedrace TO racer")
    url = server.url.replace("schedrace@", "racer@")
    settings = StorageSettings("postgresql", data_dir=tmp_path / "data").with_url(url, "the test")
    recorder = Recorder(open_storage(settings, PLUGINS), header())
    race = Race(recorder)
    wait_for(lambda: recorder.status().rows_written > 100)
    server.execute("REVOKE INSERT ON schedrace.scheduler_results FROM racer")
    wait_for(lambda: recorder.status().problem)
    assert "'racer'" in str(recorder.status().problem) and "rant" in str(recorder.status().problem)
    server.execute("GRANT INSERT ON schedrace.scheduler_results TO racer")
    wait_for(lambda: recorder.status().problem is None)
    assert_all_there_once(server, recorder, race.end())


def test_a_program_that_is_killed_while_writing(server: Server, settings: StorageSettings) -> None:
    safe = 0
    for number in range(1, 4):
        program = subprocess.Popen(
            [sys.executable, PROGRAM, settings.data_dir, server.url],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        assert program.stdout is not None
        said = [int(program.stdout.readline()) for _ in range(20)]
        while server.execute("SELECT count(*) FROM schedrace.simulation_state") != [(number,)]:
            said.append(int(program.stdout.readline()))  # until rows, and where the race stands, have arrived
        program.kill()
        said += [int(line) for line in program.stdout.read().split()]
        program.stdout.close()
        program.wait()
        safe += said[-1]
        journal = max(settings.runs_dir.iterdir()) / "scheduler_results.csv"
        with journal.open("ab") as file:
            file.write(b'"mct",99999999,0.5')  # a torn line, as a power cut leaves it

    report = ship_left_behind(open_storage(settings, PLUGINS))
    assert report.problems == []
    journals = sum(len(path.read_text().splitlines()) - 1 for path in settings.runs_dir.glob("*/scheduler_results.csv"))
    assert journals >= safe
    assert server.execute("SELECT count(*) FROM schedrace.scheduler_results") == [(journals,)]
    assert server.execute("SELECT DISTINCT status FROM schedrace.runs") == [("interrupted",)]
    told = "step > 0 AND step % 40 = 0 AND clock_s = step / 10.0"  # as the program said it
    assert server.execute(f"SELECT count(*), bool_and({told}) FROM schedrace.simulation_state") == [(3, True)]
    (cut,) = [line.detail for line in check_database(settings, PLUGINS).checks if line.name == "cut runs"]
    assert cut.startswith("3 of 3 before their end") and "tasks finished at" in cut


def test_our_own_server_that_is_killed_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = StorageSettings("auto", data_dir=tmp_path)
    storage = open_storage(settings, PLUGINS)
    assert storage.kind == "postgresql-embedded"
    recorder = Recorder(storage, header())
    race = Race(recorder)
    folder = cluster_folder(tmp_path)
    try:
        wait_for(lambda: recorder.status().rows_written > 100)
        os.kill(int((folder / "data" / "postmaster.pid").read_text().split("\n")[0]), signal.SIGQUIT)
        wait_for(lambda: recorder.status().problem)
        wait_for(lambda: recorder.status().problem is None)
        rows = race.end()
        status = recorder.close()
        assert (status.rows_written, status.rows_pending) == (rows, 0)
        assert status.kind == "postgresql-embedded"
    finally:
        race.end()
        put_away(tmp_path)
