"""``schedrace check-db``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command

KEYS = ["healthy", "storage", "server_version", "schema_version", "tables", "journals", "checks"]
JOURNAL_KEYS = ["run", "rows", "in_database", "missing", "rejected"]
CHECK_KEYS = ["name", "status", "detail", "advice"]


def assert_stable(report: dict[str, Any]) -> None:
    """Scripts read these keys; the help names them."""
    assert list(report) == KEYS
    assert all(list(journal) == JOURNAL_KEYS for journal in report["journals"])
    assert report["checks"]
    assert all(list(check) == CHECK_KEYS for check in report["checks"])


def choose_csv(own_folders: Path) -> None:
    (own_folders / "config").mkdir()
    (own_folders / "config" / "storage.toml").write_text('kind = "csv"\n')


def test_csv_by_choice_is_healthy(schedrace: Command, own_folders: Path) -> None:
    choose_csv(own_folders)
    assert schedrace("race", "--tasks", "60", "--schedulers", "mct", "--quiet").status == 0
    said = schedrace("check-db", "--json")
    report = json.loads(said.out)
    assert_stable(report)
    assert report["healthy"] is True
    assert said.status == 0
    assert len(report["journals"]) == 1
    assert schedrace("check-db").out.rstrip().endswith("Healthy: storage csv.")


@pytest.mark.parametrize("login", ["someone:secret@127.0.0.1:1/nowhere", "127.0.0.1:1/nowhere?password=secret"])
def test_a_database_that_does_not_answer_is_not_healthy_and_its_password_is_not_shown(
    schedrace: Command, own_folders: Path, login: str, caplog: pytest.LogCaptureFixture
) -> None:
    (own_folders / "config").mkdir()
    url = f"postgresql://{login}"
    (own_folders / "config" / "storage.toml").write_text(f'kind = "postgresql"\nurl = "{url}"\n')
    said = schedrace("check-db")
    assert said.status == 1
    assert "FAIL" in said.out
    assert "127.0.0.1" in said.out
    assert "NOT healthy" in said.out
    as_json = schedrace("check-db", "--json")
    assert as_json.status == 1
    assert_stable(json.loads(as_json.out))
    assert "secret" not in said.out + said.err + as_json.out + as_json.err + caplog.text


def test_a_database_that_holds_everything_is_healthy_and_no_secret_of_its_url_is_shown(
    schedrace: Command, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", f"{database_url}&password=secret")
    assert schedrace("race", "--tasks", "60", "--schedulers", "mct", "--quiet").status == 0
    said = schedrace("check-db", "--json")
    report = json.loads(said.out)
    assert_stable(report)
    assert (said.status, report["healthy"], report["storage"]) == (0, True, "postgresql")
    assert report["tables"]["scheduler_results"] == 60
    assert "secret" not in said.out + said.err


def test_a_storage_of_ones_own_is_healthy_when_everything_has_arrived(schedrace: Command, own_folders: Path) -> None:
    assert schedrace("plugins", "new", "my_storage", "--kind", "storage").status == 0
    (own_folders / "config").mkdir(exist_ok=True)
    (own_folders / "config" / "storage.toml").write_text('kind = "my_storage"\n')
    assert schedrace("race", "--tasks", "60", "--schedulers", "mct", "--quiet").status == 0
    said = schedrace("check-db", "--json")
    report = json.loads(said.out)
    assert (said.status, report["storage"]) == (0, "my_storage")
    assert [journal["missing"] for journal in report["journals"]] == [0]
    assert report["journals"][0]["in_database"] >= 60


def test_another_storage_than_that_of_the_settings_is_checked_where_one_is_named(
    schedrace: Command, own_folders: Path, database_url: str
) -> None:
    choose_csv(own_folders)
    assert schedrace("race", "--tasks", 40, "--schedulers", "mct", "--quiet", "--db-url", database_url).status == 0
    said = schedrace("check-db", "--db-url", database_url, "--json")
    report = json.loads(said.out)
    assert (said.status, report["storage"], report["tables"]["runs"]) == (0, "postgresql", 1)
    assert schedrace("check-db", "--storage", "csv").out.rstrip().endswith("Healthy: storage csv.")
    nothing = schedrace("check-db", "--storage", "none")
    assert nothing.status == 2 and "nothing to check" in nothing.err


def test_a_storage_that_nobody_provides_is_told_with_the_settings_file_that_names_it(
    schedrace: Command, own_folders: Path
) -> None:
    (own_folders / "config").mkdir()
    file = own_folders / "config" / "storage.toml"
    file.write_text('kind = "mysql"\n')
    said = schedrace("check-db")
    assert said.status == 2
    assert f"There is no storage 'mysql', which the settings file {file} asks for. Known: auto, " in said.err
    assert "settings file" not in schedrace("check-db", "--storage", "postgre").err
