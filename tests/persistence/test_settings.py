"""The settings file: what was chosen comes back, and what cannot be is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from persistence.settings import StorageSettings, load_settings, save_settings


@pytest.mark.parametrize("chosen", [{}, {"kind": "csv", "journal_sync": "group", "keep_runs": 20, "keep_days": 90}])
def test_what_was_saved_comes_back(chosen: dict[str, Any]) -> None:
    settings = StorageSettings(**chosen)
    save_settings(settings)
    assert load_settings() == settings


def test_nothing_is_deleted_and_every_batch_is_durable_unless_somebody_chooses_otherwise(own_folders: Path) -> None:
    settings = load_settings()
    assert (settings.keep_runs, settings.keep_days, settings.journal_sync) == (None, None, "each")
    assert save_settings(settings).read_text() == 'kind = "auto"\n'


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("keep_run = 3", r"has an unknown key 'keep_run'\. Did you mean 'keep_runs'\?"),
        ("keep_runs = 0", r"'keep_runs' in the settings file .* is not a whole number above 0"),
        ("keep_days = true", r"'keep_days' in the settings file .* is not a whole number above 0"),
        ("keep_days = 1.5", r"'keep_days' in the settings file .* is not a whole number above 0"),
        ('journal_sync = "groups"', r"'journal_sync' .* cannot be 'groups'\. Did you mean 'group'\?"),
        ("journal_sync = 50", r"'journal_sync' in the settings file .* is not a text"),
    ],
)
def test_what_cannot_be_is_refused_by_name(own_folders: Path, line: str, sentence: str) -> None:
    (own_folders / "config").mkdir()
    (own_folders / "config" / "storage.toml").write_text(line + "\n")
    with pytest.raises(InputError, match=sentence):
        load_settings()
