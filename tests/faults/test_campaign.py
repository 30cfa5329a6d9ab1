"""Whatever breaks while a race is recorded: no row is lost or doubled, nothing hangs, the race stays the same."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import TABLE_HEAD, Fault, Scene, suffer
from tests.faults.conftest import Server
from tests.faults.machine_faults import MACHINE_FAULTS
from tests.faults.path_faults import PATH_FAULTS
from tests.faults.patient import Patient
from tests.faults.server_faults import SERVER_FAULTS

SEED_VARIABLE = "SCHEDRACE_FAULTS_SEED"
REPETITIONS_VARIABLE = "SCHEDRACE_FAULTS_REPETITIONS"
FAULTS = [fault.parameter for fault in (*SERVER_FAULTS, *PATH_FAULTS, *MACHINE_FAULTS)]


@pytest.fixture(scope="module")
def rested() -> Iterator[list[Patient]]:
    """Who suffers one fault after the other."""
    patients: list[Patient] = []
    yield patients
    for patient in patients:
        patient.kill()


@pytest.fixture
def scene(server: Server, tmp_path: Path, rested: list[Patient]) -> Scene:
    """A server without tables of ours, and a seed that is said."""
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    print(f"{SEED_VARIABLE}={seed}")
    return Scene(server, tmp_path, random.Random(seed), server.url, tmp_path / "data", rested)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_loses_no_row_and_changes_no_race(fault: Fault, scene: Scene) -> None:
    print(suffer(fault, scene, 1).line())


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The lines of the campaign's table, printed at the end."""
    lines: list[str] = []
    yield lines
    print("", TABLE_HEAD, *lines, sep="\n")


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_loses_no_row_and_changes_no_race_however_often_it_strikes(
    fault: Fault, scene: Scene, table: list[str]
) -> None:
    table.append(suffer(fault, scene, int(os.environ.get(REPETITIONS_VARIABLE) or 20)).line())
