"""Root's own databases, apart from their data folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from persistence.embedded import roots


def test_two_programs_that_note_the_same_data_folder_at_once_do_not_take_each_others_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "ROOT_FOLDER", tmp_path)
    folder = tmp_path / "aa"
    folder.mkdir()
    replace = Path.replace

    def meanwhile(new: Path, target: Path) -> Path:
        """Another program does the whole of it between our writing and our renaming."""
        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr(os, "getpid", lambda: 1)
        roots.note_data_dir(folder, tmp_path / "data")
        return replace(new, target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    roots.note_data_dir(folder, tmp_path / "data")
    (note,) = folder.iterdir()
    assert note.read_bytes() == os.fsencode(tmp_path / "data")
