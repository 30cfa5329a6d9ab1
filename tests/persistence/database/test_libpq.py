from __future__ import annotations

from pathlib import Path

import pytest

from persistence.database import libpq
from persistence.database.connection import engine_for
from persistence.database.libpq import asked_of_libpq, encryption, is_ignored, passfile

VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGSERVICEFILE", "PGPASSFILE", "PGUSER")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable and no file of the user's but those of the test; the system has authorities."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "authorities").touch()
    monkeypatch.setattr(libpq, "_SYSTEM_ROOTS", (str(tmp_path / "authorities"),))
    return tmp_path


LOCAL = [
    "postgresql:///races",
    "postgresql://localhost/races",
    "postgresql://127.0.0.1/races",
    "postgresql://127.3.2.1/races",
    "postgresql://[::1]:5433/races",
    "postgresql:///races?host=/var/run/postgresql",
    "postgresql:///races?host=@abstract",
    "postgresql:///races?host=127.0.0.1:5432&host=localhost:5433",
    "postgresql://db.example.com/races?hostaddr=127.0.0.1",
    "postgresql://db.example.com/races?host=/tmp",
]
REMOTE = [
    "postgresql://db.example.com/races",
    "postgres://me:pw@db/races",
    "postgresql://192.168.1.7/races",
    "postgresql://[fd00::1]/races",
    "postgresql:///races?host=db.example.com",
    "postgresql:///races?host=127.0.0.1&host=db.example.com",
    "postgresql://localhost/races?hostaddr=10.0.0.1",
    "postgresql://localhost.example.com/races",
]


@pytest.mark.parametrize("url", LOCAL)
def test_a_server_on_this_machine_is_reached_as_libpq_does_by_itself(url: str) -> None:
    assert encryption(url) == {}


@pytest.mark.parametrize("url", REMOTE)
def test_a_server_on_another_machine_must_prove_who_it_is(url: str, home: Path) -> None:
    assert encryption(url) == {"sslmode": "verify-full", "sslrootcert": str(home / "authorities")}


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_who_chooses_a_mode_has_chosen(mode: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert encryption(f"postgresql://db.example.com/races?sslmode={mode}") == {}
    services = home / ".pg_service.conf"
    services.write_text(f"# ours\n[other]\nsslmode=nothing\n\n[races]\nhost=db.example.com\nsslmode={mode}\n")
    assert encryption("postgresql://?service=races") == {}
    assert "sslmode" in encryption("postgresql://db.example.com/races")
    monkeypatch.setenv("PGSSLMODE", mode)
    assert encryption("postgresql://db.example.com/races") == {}


def test_authorities_that_somebody_named_or_keeps_are_those(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    url = "postgresql://db.example.com/races"
    assert encryption(f"{url}?sslrootcert=mine") == {"sslmode": "verify-full"}
    assert encryption(f"{url}?sslmode=verify-full") == {"sslrootcert": str(home / "authorities")}
    (home / ".postgresql").mkdir()
    (home / ".postgresql" / "root.crt").touch()
    assert encryption(url) == {"sslmode": "verify-full"}
    assert encryption(f"{url}?sslrootcert=system")["sslrootcert"] == str(home / "authorities")
    assert encryption("postgresql://localhost/races?sslrootcert=system")["sslmode"] == "verify-full"
    monkeypatch.setenv("PGSSLROOTCERT", "mine")
    assert encryption(url) == {"sslmode": "verify-full"}


def test_a_service_names_a_server_on_another_machine(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    services = home / "services"
    services.write_text("[races]\nhost=db.example.com\nuser=me\npassword=hidden\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    assert encryption("postgresql://?service=races")["sslmode"] == "verify-full"
    assert asked_of_libpq("postgresql://?service=races") == {
        "service": "races",
        "host": "db.example.com",
        "user": "me",
    }
    assert encryption("postgresql://localhost/?service=races") == {}  # the URL wins over the service
    monkeypatch.setenv("PGSERVICE", "races")
    assert encryption("postgresql:///races")["sslmode"] == "verify-full"
    monkeypatch.setenv("PGHOST", "localhost")  # and that over the environment
    assert encryption("postgresql:///races")["sslmode"] == "verify-full"


def test_the_systems_services_count_after_the_users(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("PGSYSCONFDIR", str(home))
    (home / "pg_service.conf").write_text("[races]\nhost=system\n[both]\nhost=system\n")
    (home / ".pg_service.conf").write_text("[both]\nhost=mine\n")
    assert asked_of_libpq("postgresql://?service=races")["host"] == "system"
    assert asked_of_libpq("postgresql://?service=both")["host"] == "mine"
    assert asked_of_libpq("postgresql://?service=none") == {"service": "none"}


def test_the_environment_names_a_server_on_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert encryption("postgresql:///races")["sslmode"] == "verify-full"
    assert encryption("postgresql://localhost/races") == {}


def test_the_mode_is_no_part_of_the_url() -> None:
    """Its password is kept under the URL, in the keyring."""
    engine = engine_for("postgresql://me:pw@db.example.com/races")
    assert engine.url.render_as_string() == "postgresql+psycopg2://me:***@db.example.com/races"


def test_the_file_of_passwords_is_that_of_the_url_of_the_environment_or_the_users(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    assert passfile(None) == passfile("postgresql://localhost/races") == home / ".pgpass"
    monkeypatch.setenv("PGPASSFILE", "/from/environment")
    assert passfile(None) == Path("/from/environment")
    assert passfile("postgresql://localhost/races?passfile=/from/url") == Path("/from/url")


def test_a_file_of_passwords_that_others_can_read_is_ignored(home: Path) -> None:
    path = home / ".pgpass"
    assert not is_ignored(path)
    path.touch()
    for mode, ignored in ((0o600, False), (0o400, False), (0o640, True), (0o644, True), (0o604, True)):
        path.chmod(mode)
        assert is_ignored(path) == ignored
