"""``schedrace check-db``."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Command

KEYS = {"healthy", "storage", "server_version", "schema_version", "tables", "journals", "checks"}


def choose_csv(own_folders: Path) -> None:
    (own_folders / "config").mkdir()
    (own_folders / "config" / "storage.toml").write_text('kind = "csv"\n')


def test_csv_by_choice_is_healthy(schedrace: Command, own_folders: Path) -> None:
    choose_csv(own_folders)
    assert schedrace("race", "--tasks", "60", "--schedulers", "mct", "--quiet").status == 0
    said = schedrace("check-db", "--json")
    report = json.loads(said.out)
    assert set(report) == KEYS
    assert report["healthy"] is True
    assert said.status == 0
    assert len(report["journals"]) == 1
    assert schedrace("check-db").out.rstrip().endswith("Healthy: storage csv.")


def test_a_database_that_does_not_answer_is_not_healthy_and_its_password_is_not_shown(
    schedrace: Command, own_folders: Path
) -> None:
    (own_folders / "config").mkdir()
    url = "postgresql://someone:secret@127.0.0.1:1/nowhere"
    (own_folders / "config" / "storage.toml").write_text(f'kind = "postgresql"\nurl = "{url}"\n')
    said = schedrace("check-db")
    assert said.status == 1
    assert "FAIL" in said.out
    assert "127.0.0.1" in said.out
    assert "secret" not in said.out + said.err
    assert "NOT healthy" in said.out
