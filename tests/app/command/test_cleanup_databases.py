"""``schedrace cleanup --own-databases`` and what doctor says of root's own databases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from app import examination
from persistence.embedded import roots
from persistence.errors import StorageError
from persistence.filelock import FileLock
from tests.app.command.conftest import Command


@pytest.fixture
def root_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four databases as root has them: of a folder that is there, one that is gone, one that is gone and yet in use,
    and of nobody knows which."""
    folder = tmp_path / "root"
    monkeypatch.setattr(roots, "ROOT_FOLDER", folder)
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    (tmp_path / "there").mkdir()
    for name, data_dir in (("aa", "there"), ("bb", "gone"), ("cc", "in use"), ("dd", None)):
        (folder / name / "data").mkdir(parents=True)
        (folder / name / "data" / "rows").write_bytes(b"x" * 1_000_000)
        if data_dir is not None:
            roots.note_data_dir(folder / name, tmp_path / data_dir)
    (folder / "runtime-16-1").mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_doctor_lists_them_with_their_size_and_whose_they_are(root_folder: Path) -> None:
    lines = {line.name: line for line in examination._own_databases()}
    assert lines["Own databases"].status == "warn"
    assert "the data folders of 2 with 0.00 GB are gone" in lines["Own databases"].detail
    assert "cleanup --own-databases" in lines["Own databases"].advice
    assert lines["Own database aa"].detail == f"1.0 MB, of {root_folder.parent / 'there'}, not in use"
    assert lines["Own database bb"].detail.endswith("gone, which is gone")
    assert "not noted" in lines["Own database dd"].detail


def test_those_whose_data_folder_is_gone_go_after_a_yes_and_never_one_in_use(
    root_folder: Path, schedrace: Command
) -> None:
    lock = FileLock(root_folder / "cc" / "lock")
    assert lock.acquire()
    try:
        assert "Nobody can be asked here" in schedrace("cleanup", "--own-databases").err
        assert "goes  bb" in schedrace("cleanup", "--own-databases", "--dry-run").out
        assert names(root_folder) == ["aa", "bb", "cc", "dd", "runtime-16-1"]
        said = schedrace("cleanup", "--own-databases", "--yes")
        assert said.status == 0 and "Gone for good: 1 database, 1.0 MB." in said.out
        refused = schedrace("cleanup", "--own-databases", "--storage", "csv", "--dry-run")
        assert refused.status == 2 and "leave --db-url and --storage out" in refused.err
        named = json.loads(schedrace("cleanup", "--own-databases", "aa", "cc", "dd", "dd", "--yes", "--json").out)
        kept = {row["name"]: row["kept"] for row in named["databases"]}
        assert "is there" in kept["aa"] and kept["cc"] == "it is in use" and kept["dd"] is None
    finally:
        lock.release()
    assert names(root_folder) == ["aa", "cc", "runtime-16-1"]


def test_one_that_is_needed_when_it_would_go_stays(root_folder: Path) -> None:
    (left,) = (each for each in roots.own_databases() if each.folder.name == "bb")
    lock = FileLock(left.folder / "lock")
    assert lock.acquire()
    with pytest.raises(StorageError, match="was not deleted: it is in use"):
        roots.delete_database(left)
    lock.release()
    assert left.data_dir is not None
    left.data_dir.mkdir()
    with pytest.raises(StorageError, match="was not deleted: its data folder"):
        roots.delete_database(left)
    assert (left.folder / "data" / "rows").exists()
