"""A race that is killed, at random instants and more than once, and resumed: the digest of a race never killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.session import run_race
from engine.control import Control
from engine.spec import RaceSpec, SchedulerSpec
from persistence.journal.reader import JournalReader
from persistence.recording.cut_runs import cut_runs
from persistence.schema import JOURNALED
from persistence.settings import StorageSettings
from plugins.assemble import prepare
from plugins.registry import load_registry
from tests.faults.conftest import Server

REPOSITORY = Path(__file__).parents[2]
LANES = ("mct", "hybrid_ml", "oracle")
TASKS = 4000
RESULTS = TASKS * len(LANES)
STARTS_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def digest() -> str:
    spec = RaceSpec(schedulers=tuple(map(SchedulerSpec, LANES)), tasks=TASKS, seed=11)
    race = prepare(spec, load_registry(plugins=[]))
    return run_race(race, recorder=None, control=Control(), frames=False, pace=None).digest


class Command:
    """``schedrace race`` in a process of its own, recording into the test's database."""

    def __init__(self, settings: StorageSettings, *arguments: object) -> None:
        where = {"SCHEDRACE_DATA_DIR": str(settings.data_dir), "SCHEDRACE_DATABASE_URL": str(settings.url)}
        self.runs_dir = settings.runs_dir
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "race", *map(str, arguments)],
            cwd=REPOSITORY,
            env={**os.environ, **where},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def results(self) -> int:
        """How many task results are in the journal."""
        folders = list(self.runs_dir.glob("*/run.json"))
        return JournalReader(folders[0].parent).rows("scheduler_results") if folders else -1

    def kill_at(self, results: int) -> None:
        """Kill it as soon as the journal holds so many results (0: as soon as there is a journal)."""
        until = time.monotonic() + STARTS_WITHIN_S
        while self.results() < results:
            assert time.monotonic() < until, "the journal does not grow"
            assert self.process.poll() is None, self.process.communicate()
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def kill_while_replaying(self, seconds: float) -> None:
        """Kill it some time after it has begun to replay."""
        assert self.process.stderr is not None
        while "is replayed" not in (line := self.process.stderr.readline()):
            assert line, "it ended before it replayed"
        time.sleep(seconds)  # an instant that nobody chose
        self.kill()

    def summary(self) -> dict[str, object]:
        out, err = self.process.communicate(timeout=STARTS_WITHIN_S)
        assert self.process.returncode == 0, err
        return dict(json.loads(out))


def kill_and_resume(server: Server, settings: StorageSettings, digest: str, chance: random.Random) -> None:
    first = chance.choice([0, chance.randrange(RESULTS // 2)])
    race = ("--tasks", TASKS, "--seed", 11, "--schedulers", ",".join(LANES))
    Command(settings, *race).kill_at(first)
    (cut,) = cut_runs(settings.runs_dir)
    if chance.random() < 0.5 and cut.results:
        Command(settings, "--resume", cut.run).kill_while_replaying(0.3 * chance.random())
    else:
        Command(settings, "--resume", cut.run).kill_at(cut.results + chance.randrange(1, RESULTS // 4))
    (cut,) = cut_runs(settings.runs_dir)
    with (cut.folder / "scheduler_results.csv").open("ab") as file:
        file.write(b'"mct",3999,0.5')  # a torn line, as a power failure leaves it

    summary = Command(settings, "--resume", "last", "--json").summary()
    assert (summary["run"], summary["digest"]) == (cut.run, digest)
    assert cut_runs(settings.runs_dir) == []
    reader = JournalReader(cut.folder)
    assert reader.rows("scheduler_results") == RESULTS and reader.rows("tasks") == TASKS
    for table in JOURNALED:
        stored = server.execute(f"SELECT count(*) FROM schedrace.{table} WHERE run = '{cut.run}'")
        assert stored == [(reader.rows(table),)], table  # the key admits none twice
    assert server.execute(f"SELECT status, digest FROM schedrace.runs WHERE run = '{cut.run}'") == [
        ("finished", digest)
    ]
    assert server.execute(f"SELECT step FROM schedrace.simulation_state WHERE run = '{cut.run}'") == [(RESULTS,)]


def test_a_race_that_is_killed_twice_and_resumed_ends_as_if_it_had_not_been(
    server: Server, settings: StorageSettings, digest: str
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    kill_and_resume(server, settings, digest, random.Random(seed))


@pytest.mark.soak
@pytest.mark.parametrize("repetition", range(20))
def test_races_that_are_killed_at_random_instants_end_as_if_they_had_not_been(
    server: Server, settings: StorageSettings, digest: str, repetition: int
) -> None:
    kill_and_resume(server, settings, digest, random.Random(repetition))
