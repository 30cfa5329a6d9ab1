"""Whom a connection trusts, on a real server with its own certificate authority."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from persistence.checking.report import check_database
from persistence.database import libpq
from persistence.database.connection import engine_for
from persistence.database.connection import test_connection as check_connection
from persistence.settings import StorageSettings
from tests.persistence.database.tls_server import TlsServer, made_server, why_none
from tests.persistence.records import PLUGINS

pytestmark = pytest.mark.skipif(why_none() is not None, reason=str(why_none()))


@pytest.fixture(scope="module")
def made() -> Iterator[TlsServer]:
    with made_server() as server:
        server.start(tls=True)
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, where libpq looks for certificates."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".postgresql").mkdir()
    return tmp_path / ".postgresql"


@pytest.fixture
def server(made: TlsServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> TlsServer:
    """The server, of which nobody knows that it is on this machine."""
    monkeypatch.setattr(libpq, "is_local", lambda host: False)
    return made


def encrypted(url: str) -> bool:
    with engine_for(url).connect() as connection:
        return bool(connection.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar_one())


def why_not(url: str) -> str:
    report = check_connection(url)
    assert not report.ok, report.sentence
    return report.sentence


def test_a_server_whose_authority_is_known_is_trusted_by_its_name(server: TlsServer, home: Path) -> None:
    shutil.copy(server.authority, home / "root.crt")
    assert encrypted(server.url())
    assert encrypted(server.url(sslrootcert=server.authority))


def test_check_db_says_how_a_connection_is_encrypted(server: TlsServer, tmp_path: Path) -> None:
    url = server.url(sslrootcert=server.authority, sslmode="verify-full")
    settings = StorageSettings("postgresql", data_dir=tmp_path / "data").with_url(url, "the test")
    (line,) = [check for check in check_database(settings, PLUGINS).checks if check.name == "TLS"]
    assert line.status == "ok" and line.detail.startswith("TLSv1.") and line.detail.endswith("sslmode=verify-full")


def test_a_name_that_is_not_in_the_certificate_is_refused(server: TlsServer, home: Path) -> None:
    shutil.copy(server.authority, home / "root.crt")
    sentence = why_not(server.url("127.0.0.1"))
    assert "not one for the name '127.0.0.1'" in sentence and "Use the name that is in it" in sentence
    assert encrypted(server.url("127.0.0.1", sslmode="verify-ca"))


def test_the_certificate_of_another_authority_is_refused(server: TlsServer, home: Path) -> None:
    shutil.copy(server.stranger, home / "root.crt")
    sentence = why_not(server.url())
    assert "an authority that is not known here" in sentence and str(home / "root.crt") in sentence


def test_without_a_root_crt_the_systems_authorities_count(server: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "an authority that is not known here" in why_not(server.url())
    monkeypatch.setattr(libpq, "_SYSTEM_ROOTS", ("/nowhere", str(server.authority)))
    assert encrypted(server.url())
    assert encrypted(server.url(sslrootcert="system"))


def test_where_no_authority_is_known_at_all_the_file_to_make_is_named(
    server: TlsServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libpq, "_SYSTEM_ROOTS", ())
    sentence = why_not(server.url())
    assert f'root certificate file "{home / "root.crt"}" does not exist' in sentence
    assert "Put the certificate of its authority there" in sentence


def test_who_chooses_a_weaker_mode_gets_it(server: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert encrypted(server.url("127.0.0.1", sslmode="require"))
    assert not encrypted(server.url("127.0.0.1", sslmode="disable"))
    monkeypatch.setenv("PGSSLMODE", "require")
    assert encrypted(server.url("127.0.0.1"))


def test_a_service_file_chooses_the_mode(server: TlsServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = f"[races]\nhost=127.0.0.1\nport={server.port}\nuser=me\ndbname=postgres\n"
    services = home / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    services.write_text(entry)
    assert "an authority that is not known here" in why_not("postgresql://?service=races")
    services.write_text(entry + "sslmode=require\n")
    assert encrypted("postgresql://?service=races")


def test_a_server_on_this_machine_needs_no_certificate(made: TlsServer, home: Path) -> None:
    assert encrypted(made.url("127.0.0.1"))  # libpq takes encryption where it is offered


def test_a_server_without_encryption_is_refused_unless_somebody_wants_it(server: TlsServer) -> None:
    server.stop()
    server.start(tls=False)
    try:
        sentence = why_not(server.url(sslrootcert=server.authority))
        assert "offers no encryption" in sentence and "must switch TLS on" in sentence
        assert "offers no encryption" in why_not(server.url(sslmode="require"))
        assert not encrypted(server.url(sslmode="disable"))
        assert not encrypted(server.url(sslmode="prefer"))
    finally:
        server.stop()
        server.start(tls=True)
