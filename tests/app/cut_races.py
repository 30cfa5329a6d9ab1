"""Recorded races to be cut: what the tests of resumption share, those of the command and those of the window."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.__main__ import main
from persistence.schema import JOURNALED


@dataclass(frozen=True, slots=True)
class Recorded:
    """A race to its end: its journal, and the digest."""

    folder: Path
    digest: str


def record(tmp_path_factory: pytest.TempPathFactory, *race: str) -> Recorded:
    """Race as the command line says, in a data folder of its own, with CSV alone."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCHEDRACE_DATA_DIR", str(data))
        patch.setenv("SCHEDRACE_PLUGINS", str(data / "none"))
        assert main(["race", "--storage", "csv", *race, "--quiet", "--out", str(out)]) == 0
    (folder,) = (data / "runs").iterdir()
    return Recorded(folder, json.loads((out / "summary.json").read_text())["digest"])


def cut(folder: Path, shares: dict[str, float]) -> None:
    """Cut a journal, each table behind a share of its bytes, most likely within a line."""
    for table, share in shares.items():
        path = folder / f"{table}.csv"
        if share == 0:
            path.unlink()
        elif share < 1:
            os.truncate(path, round(share * path.stat().st_size))
    (folder / "result.json").unlink(missing_ok=True)


def copy(whole: Recorded, runs: Path, **shares: float) -> Path:
    """Copy a journal into a data folder, cut."""
    folder = shutil.copytree(whole.folder, runs / whole.folder.name)
    cut(folder, dict.fromkeys(JOURNALED, 1.0) | shares)
    return folder


def rows(folder: Path) -> dict[str, list[bytes]]:
    """Return a journal's rows, but for when they were written and for what the wall clock says."""
    return {
        table: sorted(
            line.rsplit(b",", 2 if b"decision_latency" in line else 1)[0]
            for line in (folder / f"{table}.csv").read_bytes().splitlines()
        )
        for table in JOURNALED
        if (folder / f"{table}.csv").exists()
    }


def whole_lines(folder: Path) -> dict[str, bytes]:
    """Return the files of a journal without torn last lines."""
    texts = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {name: text[: text.rfind(b"\n") + 1] for name, text in texts.items()}
