"""Several SchedRaces record on one own PostgreSQL, and the one that runs it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from persistence.embedded.cluster import cluster_folder
from persistence.embedded.keeper import server_url
from persistence.recording.shipping import ship_left_behind
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.own_postgresql import MadeData, put_away, run_statement
from tests.persistence.records import PLUGINS

PROGRAM = Path(__file__).with_name("sharing_program.py")
REPOSITORY = Path(__file__).parents[2]
HAS_STOPPED = "SchedRace's own PostgreSQL has stopped, as it does when the SchedRace that ran it ends."
ROWS_ARRIVE = "rows arrive"
TAKES_OVER_WITHIN_S = 5.0  # measured: 0.4 s, and 2.8 s with seven programs running on two cores


class Sharer:
    """A process that records, and what it says."""

    def __init__(self, data_dir: Path, errors: Path) -> None:
        self.errors = errors
        with errors.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, PROGRAM, data_dir],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )

    def hears(self) -> tuple[float, str]:
        """Wait for a change of its status; returns when it was, on the machine's monotonic clock, and to what."""
        assert self.process.stdout is not None
        at_s, _, status = self.process.stdout.readline().strip().partition(" ")
        return float(at_s), status

    def end(self) -> list[str]:
        """Let it end by itself; returns what it still said."""
        said, _ = self.process.communicate(timeout=30)
        return said.splitlines()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def sharers(tmp_path: Path, made_data: MadeData) -> Iterator[list[Sharer]]:
    """Three of them; the first one has started the server."""
    made_data.copy_to(cluster_folder(tmp_path))
    started: list[Sharer] = []
    try:
        for numbers in ((0,), (1, 2)):
            started += [Sharer(tmp_path, tmp_path / f"errors-{number}") for number in numbers]
            assert [started[number].hears()[1] for number in numbers] == [ROWS_ARRIVE for _ in numbers]
        yield started
    finally:
        for sharer in started:
            if sharer.process.poll() is None:
                sharer.kill()
        put_away(tmp_path)


def end_by_itself(sharer: Sharer) -> None:
    assert sharer.end()[-1].endswith(" 0")  # nothing is pending


@pytest.mark.parametrize("end", [end_by_itself, Sharer.kill], ids=["ends", "is killed"])
def test_when_the_owner_goes_the_others_say_so_and_start_the_server_again(
    tmp_path: Path, sharers: list[Sharer], end: Callable[[Sharer], None]
) -> None:
    owner, *others = sharers
    end(owner)
    for other in others:
        stopped_s, sentence = other.hears()
        assert sentence.startswith(HAS_STOPPED)
        arrive_s, sentence = other.hears()
        assert sentence == ROWS_ARRIVE
        assert arrive_s - stopped_s < TAKES_OVER_WITHIN_S
    for other in others:
        rows, pending = other.end()[-1].split()
        assert int(rows) > 0 and pending == "0"
    assert [sharer.errors.read_text() for sharer in sharers] == ["", "", ""]
    assert_every_row_is_there_once(tmp_path)


def assert_every_row_is_there_once(data_dir: Path) -> None:
    settings = StorageSettings("auto", data_dir=data_dir)
    assert ship_left_behind(open_storage(settings, PLUGINS)).problems == []
    in_journals = {
        path.parent.name: path.read_bytes().count(b"\n") - 1
        for path in settings.runs_dir.glob("*/scheduler_results.csv")
    }
    rows = run_statement("SELECT run, count(*) FROM schedrace.scheduler_results GROUP BY run", server_url(data_dir))
    assert len(in_journals) == 3
    assert dict(rows) == in_journals
