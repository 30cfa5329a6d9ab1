"""The fault campaign: a fault strikes a race at a random instant; afterwards journal, database and race are compared.

One engine for the short form in the tests and the long form of ``make soak``; what strikes is in the modules beside it.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from persistence.recording.shipping import ship_left_behind
from persistence.run import new_run_id
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.faults.bookkeeping import Balance, Kept, compared
from tests.faults.conftest import Server
from tests.faults.patient import Patient
from tests.persistence.records import PLUGINS

LONGEST_STALL_S = 5.0
RECOVERS_WITHIN_S = 20.0
NEAR_THE_END = 0.25
"""Share of the strikes that hit the end of a race: its last rows, its result, the closing of the recorder."""


@dataclass
class Scene:
    """Where a fault strikes: a server, a SchedRace that records there (``patient``), and folders of their own."""

    server: Server
    folder: Path
    rng: random.Random
    url: str
    data_dir: Path
    rested: list[Patient] = field(default_factory=list)
    """Patients that have come through a fault unharmed: each took seconds to start."""
    environment: dict[str, str] = field(default_factory=dict)
    patient: Patient = field(init=False)
    run: str = ""
    cut: list[Kept] = field(default_factory=list)
    """Runs of this repetition whose SchedRace was killed."""
    sentences: list[str] = field(default_factory=list)
    """What was said in this repetition by others than the patient."""

    def start(self) -> None:
        """Start the SchedRace, or take one that has."""
        self.patient = self.rested.pop() if self.rested else Patient(self.folder / "errors")
        self.patient.record(self.data_dir, self.url, self.environment)

    def race(self) -> None:
        """Let it race, until rows arrive in the database."""
        self.run = new_run_id()
        self.patient.tell(f"race {self.run}")
        self.patient.hears("status", RECOVERS_WITHIN_S, lambda status: status["arriving"])

    @property
    def settings(self) -> StorageSettings:
        """How somebody with all rights reaches what was recorded."""
        return StorageSettings("postgresql", data_dir=self.data_dir).with_url(self.server.url, "the campaign")


def as_it_is(scene: Scene) -> AbstractContextManager[None]:
    """Set nothing up: the server, its owner, its socket."""
    return _nothing()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@dataclass(frozen=True)
class Fault:
    """``strikes`` breaks something when it is entered and heals it when it is left; ``says`` are words of the sentence
    that the user then reads (empty: the user need not notice); ``stage`` prepares what all repetitions share."""

    name: str
    strikes: Callable[[Scene], AbstractContextManager[None]]
    says: str
    stage: Callable[[Scene], AbstractContextManager[None]] = as_it_is
    needs_root: bool = False

    @property
    def parameter(self) -> object:
        """The fault as a parameter of a test; where what it needs is forbidden the test is skipped, and says so."""
        reason = "mounting a disk or making a network needs root's rights" if self.needs_root and not _is_root() else ""
        return pytest.param(self, id=self.name, marks=pytest.mark.skipif(bool(reason), reason=reason))


@dataclass(frozen=True)
class Outcome:
    """What one strike did. Seconds: ``stall_s`` is the longest of what somebody waited for: a call of the race to the
    recorder, the sentence, the closing."""

    balance: Balance
    stall_s: float
    sentence: str
    digest: str


@dataclass(frozen=True)
class Summary:
    """All strikes of one fault, as a line of the table."""

    fault: str
    outcomes: tuple[Outcome, ...]

    @property
    def stall_s(self) -> float:
        """The longest stall of all."""
        return max(outcome.stall_s for outcome in self.outcomes)

    def line(self) -> str:
        """The line of the table."""
        rows, lost, doubled = (sum(getattr(o.balance, name) for o in self.outcomes) for name in Balance.COUNTS)
        sentence = next((o.sentence for o in self.outcomes if o.sentence), "(nothing to notice)")
        words = (self.fault, len(self.outcomes), rows, lost, doubled, f"{self.stall_s:.2f}", sentence[:90])
        return " | ".join(map(str, words))


@cache
def _is_root() -> bool:
    """Whether we have root's rights; in a container root may have lost them."""
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and subprocess.run([unshare, "--mount", "--net", "true"], stderr=subprocess.DEVNULL).returncode == 0
    )


TABLE_HEAD = "fault | repetitions | rows | lost | doubled | longest stall s | sentence"


def suffer(fault: Fault, scene: Scene, repetitions: int) -> Summary:
    """Let a fault strike so many races; fails where a row, the digest, a sentence or a second is not as promised."""
    with fault.stage(scene):
        scene.start()
        try:
            reference = scene.patient.hears("ready", RECOVERS_WITHIN_S)["digest"]
            outcomes = tuple(_strike(fault, scene) for _ in range(repetitions))
            assert scene.patient.errors() == ""
        except BaseException:
            scene.patient.kill()
            raise
        scene.rested.append(scene.patient)
    for number, outcome in enumerate(outcomes):
        where = f"{fault.name}, repetition {number + 1}: {outcome}"
        assert (outcome.balance.lost, outcome.balance.doubled) == (0, 0), where
        assert outcome.balance.in_order, where
        assert outcome.digest == reference, where
        assert outcome.stall_s < LONGEST_STALL_S, where
    return Summary(fault.name, outcomes)


def _strike(fault: Fault, scene: Scene) -> Outcome:
    scene.cut.clear()
    scene.sentences.clear()
    scene.race()
    time.sleep(scene.rng.uniform(0.0, 0.8))  # the random instant
    if scene.rng.random() < NEAR_THE_END:
        scene.patient.tell("finish")
    struck, sentence, noticed_s = time.monotonic(), "", 0.0
    with fault.strikes(scene):
        if fault.says:
            sentence, noticed_s = _noticed(fault, scene, struck)
        time.sleep(scene.rng.uniform(0.0, 0.3))
    if not scene.sentences:
        scene.patient.recovers(RECOVERS_WITHIN_S)
    scene.patient.tell("finish")
    over = scene.patient.hears("over", RECOVERS_WITHIN_S)
    left = ship_left_behind(open_storage(scene.settings, PLUGINS))
    assert left.problems == [], f"{fault.name}: {left.problems}"
    complete = Kept(scene.run, over["results"], complete=True)
    balance = compared(scene.server.execute, scene.settings.runs_dir, [complete, *scene.cut])
    stall_s = max(over["longest_call_s"], over["closing_s"], noticed_s)
    return Outcome(balance, stall_s, sentence, over["digest"])


def _noticed(fault: Fault, scene: Scene, struck: float) -> tuple[str, float]:
    """Wait for the sentence; returns it, and how long the first one took. A race that is over first needs none."""
    if scene.sentences:
        return scene.sentences[0], 0.0
    said = scene.patient.problems(struck, until=fault.says, seconds=2 * LONGEST_STALL_S)
    if not said:
        return "", 0.0
    for _, sentence in said:
        assert sentence.endswith("."), sentence
    sentence = said[-1][1]
    assert fault.says in sentence, f"{fault.name}: '{sentence}' does not say '{fault.says}'"
    return sentence, said[0][0] - struck
