"""The machines on which our own PostgreSQL must run."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.own_postgresql import MadeData
from tests.persistence.embedded.machines import PACKAGES, Machine, private_environment


@pytest.fixture(scope="session")
def private_home() -> Iterator[tuple[int, Path, Path]]:
    """A home that only 'nobody' may enter with SchedRace's environment in it; returns whose it is, and its Python."""
    home = Path(tempfile.mkdtemp(prefix="schedrace-test-"))
    try:
        yield *private_environment(home), home
    finally:
        shutil.rmtree(home)


@pytest.fixture(params=["ourselves", "nobody"])
def machine(request: pytest.FixtureRequest, made_data: MadeData) -> Iterator[Machine]:
    """``nobody`` has a private home with SchedRace's environment in it, as an unprivileged user of this machine has."""
    if request.param == "nobody":
        uid, python, home = request.getfixturevalue("private_home")
        folder = Path(tempfile.mkdtemp(dir=home))
        os.chown(folder, uid, uid)
        own = next((home / "environment").glob("lib/*/site-packages"))
        machine = Machine(python, folder, made_data, uid, packages=f"{own}{os.pathsep}{PACKAGES}")
    else:
        machine = Machine(Path(sys.executable), Path(tempfile.mkdtemp(prefix="schedrace-test-")), made_data)
    yield machine
    machine.put_away()


@pytest.fixture
def ours(made_data: MadeData) -> Iterator[Machine]:
    """Where it does not matter who we are."""
    machine = Machine(Path(sys.executable), Path(tempfile.mkdtemp(prefix="schedrace-test-")), made_data)
    yield machine
    machine.put_away()
