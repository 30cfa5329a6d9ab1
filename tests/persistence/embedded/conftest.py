"""The machines on which our own PostgreSQL must run."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.persistence.embedded.machines import PACKAGES, Machine, private_environment


@pytest.fixture(params=["ourselves", "nobody"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """``nobody`` has a private home with SchedRace's environment in it, as an unprivileged user of this machine has."""
    folder = Path(tempfile.mkdtemp(prefix="schedrace-test-"))
    machine = Machine(Path(sys.executable), folder)
    if request.param == "nobody":
        machine.uid, machine.python = private_environment(folder)
        own = next((folder / "environment").glob("lib/*/site-packages"))
        machine.packages = f"{own}{os.pathsep}{PACKAGES}"
    yield machine
    machine.put_away()


@pytest.fixture
def ours() -> Iterator[Machine]:
    """Where it does not matter who we are."""
    machine = Machine(Path(sys.executable), Path(tempfile.mkdtemp(prefix="schedrace-test-")))
    yield machine
    machine.put_away()
