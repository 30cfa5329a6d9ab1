"""Other simulators, each in a process of its own with the Python of ``.venv-peers`` (`make bench` makes it)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PYTHON = Path(__file__).parents[2] / ".venv-peers/bin/python"
PROGRAMS = Path(__file__).parent / "peer_programs"


def peer(program: str, asked: Mapping[str, object]) -> dict[str, Any]:
    """Return what a program of ``peer_programs`` answers; the test is skipped where the peers are not installed."""
    if not PYTHON.exists():
        pytest.skip("the peers' environment .venv-peers is not there; `make bench` makes it")
    done = subprocess.run(
        [PYTHON, PROGRAMS / program],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONHASHSEED": "0"},  # SAGA's ties follow the order of sets
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
