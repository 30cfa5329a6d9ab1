"""Runs the command in this process, or in one of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.__main__ import main
from tests.own_postgresql import put_away


@dataclass(frozen=True, slots=True)
class Said:
    """What a command returned and printed."""

    status: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def schedrace(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``schedrace ARGUMENTS`` in this process."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as leaving:  # argparse
            status = int(leaving.code or 0)
        printed = capsys.readouterr()
        return Said(status, printed.out, printed.err)

    return run


@pytest.fixture
def in_a_process() -> Command:
    """Run ``schedrace ARGUMENTS`` in a process of its own."""

    def run(*arguments: object) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "app", *(str(argument) for argument in arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def drop_in(own_folders: Path) -> Callable[[str, str], None]:
    """Put a plugin file into the plugins folder of this test."""

    def put(name: str, text: str) -> None:
        folder = own_folders / "plugins"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")

    return put


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Go to another machine: a data folder of its own; return that of its runs."""
    machines = tmp_path / "machines"

    def go_to(name: str) -> Path:
        monkeypatch.setenv("SCHEDRACE_DATA_DIR", str(machines / name))
        return machines / name / "runs"

    yield go_to
    for machine in machines.glob("*"):
        put_away(machine)
