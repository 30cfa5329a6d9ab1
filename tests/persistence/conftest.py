"""The settings that mean the test's own database on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from persistence.settings import StorageSettings


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> StorageSettings:
    return StorageSettings(kind="postgresql", data_dir=tmp_path).with_url(database_url, "the test")
