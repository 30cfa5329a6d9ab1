from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from sqlalchemy import text

from engine.errors import InputError
from persistence.database.connection import engine_for
from persistence.database.connection import test_connection as check_connection
from persistence.database.opening import open_database
from persistence.database.urls import normalised_url, shown_url, without_password
from persistence.errors import StorageError
from persistence.settings import StorageSettings, config_dir, load_settings, save_settings

Execute = Callable[..., list[tuple[object, ...]]]


def test_a_good_connection_is_a_clear_yes(database_url: str) -> None:
    report = check_connection(database_url)
    assert report.ok
    assert "PostgreSQL 1" in report.sentence


def test_a_wrong_host_is_named() -> None:
    report = check_connection("postgresql://me:secret@no-such-host.invalid/races")
    assert not report.ok
    assert "no host 'no-such-host.invalid'" in report.sentence and "secret" not in report.sentence


def test_a_wrong_port_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    report = check_connection(f"postgresql://me:secret@127.0.0.1:{port}/races")
    assert not report.ok
    assert f"nothing listens at 127.0.0.1:{port}" in report.sentence


def test_a_server_that_does_not_answer_is_said_within_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        report = check_connection(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/races")
    assert not report.ok
    assert "does not answer" in report.sentence


def test_a_wrong_database_is_named(database_url: str) -> None:
    report = check_connection(database_url.replace("/test_", "/no_"))
    assert not report.ok
    assert "does not exist" in report.sentence and "createdb" in report.sentence


def test_an_unknown_user_is_named(database_url: str) -> None:
    report = check_connection(database_url.replace("schedrace@", "stranger@"))
    assert not report.ok
    assert "does not know the user 'stranger'" in report.sentence


def test_missing_rights_are_named_with_what_to_run(database_url: str, execute: Execute) -> None:
    database = database_url.split("/")[3].split("?")[0]
    role = f"guest_{database}"
    execute(f"CREATE ROLE {role} LOGIN")
    try:
        report = check_connection(database_url.replace("schedrace@", f"{role}@"))
        assert not report.ok
        assert "may not create the schema 'schedrace'" in report.sentence and "GRANT CREATE" in report.sentence
        execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
        report = check_connection(database_url.replace("schedrace@", f"{role}@"))
        assert "can only be read" in report.sentence
    finally:
        execute(f"DROP ROLE {role}")


def test_a_wrong_password_is_named(guarded_url: str) -> None:
    sentence = check_connection(guarded_url.replace("guarded@", "guarded:wrong@")).sentence
    assert "refused the password of 'guarded'" in sentence and "wrong" not in sentence


@pytest.mark.usefixtures("keyring_in_memory")
def test_a_password_in_the_keyring_opens_a_server_behind_its_socket(guarded_url: str) -> None:
    save_settings(StorageSettings().with_url(guarded_url.replace("guarded@", "guarded:right@"), "the test"))
    url = str(load_settings().url)
    assert "right" not in url + config_dir().joinpath("storage.toml").read_text()
    with engine_for(url).connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "guarded"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_every_spelling_of_a_url_is_one(scheme: str) -> None:
    assert normalised_url(f"{scheme}://me:pw@host:1/db") == "postgresql+psycopg2://me:pw@host:1/db"


@pytest.mark.parametrize(
    ("url", "moved"),
    [
        ("postgresql://me@host/db?password=a%40b", "postgresql+psycopg2://me:a%40b@host/db"),
        (
            "postgresql://me:old@host/db?sslmode=require&Password=new",
            "postgresql+psycopg2://me:new@host/db?sslmode=require",
        ),
        ("postgresql://host/db?password=a&password=b", "postgresql+psycopg2://:b@host/db"),
        ("postgresql:///db?user=me&host=host&password=x", "postgresql+psycopg2://:x@/db?host=host&user=me"),
    ],
)
def test_a_password_among_the_options_moves_behind_the_user(url: str, moved: str) -> None:
    assert normalised_url(url) == moved
    assert normalised_url(moved) == moved


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("postgresql://me:secret@host/db", "postgresql+psycopg2://me@host/db"),
        ("postgresql://me@host/db?password=secret", "postgresql+psycopg2://me@host/db"),
        ("postgresql://host/db?PASSWORD=secret&sslmode=require", "postgresql+psycopg2://host/db?sslmode=require"),
        ("postgresql://me@host/db?sslpassword=secret&sslkey=k", "postgresql+psycopg2://me@host/db?sslkey=k"),
        ("postgresql://me@host/db?oauth_client_secret=secret", "postgresql+psycopg2://me@host/db"),
        ("postgresql://me@host/db?scram_client_key=secret", "postgresql+psycopg2://me@host/db"),
        ("postgresql://me@host/db?passfile=mine", "postgresql+psycopg2://me@host/db?passfile=mine"),
    ],
)
def test_no_secret_of_a_url_is_stored_in_a_file_or_shown(url: str, bare: str) -> None:
    assert without_password(url) == bare
    assert "secret" not in shown_url(url) and "?" not in shown_url(url)


@pytest.mark.parametrize("options", ["?password=hidden", "?sslpassword=hidden", "?password=hidden&sslpassword=hidden"])
def test_no_file_log_or_error_shows_a_secret_among_the_options(
    options: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keyring, "set_password", lambda *_: None)
    settings = StorageSettings("postgresql", data_dir=tmp_path).with_url(
        f"postgresql://me@127.0.0.1:1/db{options}", "x"
    )
    caplog.set_level(logging.DEBUG)
    said = [repr(settings), check_connection(str(settings.url)).sentence]
    try:
        said.append(str(save_settings(settings)))
    except InputError as error:
        said.append(str(error))
    with pytest.raises(StorageError) as failed:
        open_database(settings)
    said += [*map(str, (failed.value, failed.value.__cause__)), config_dir().joinpath("storage.toml").read_text()]
    assert "hidden" not in "".join(said) + caplog.text


def test_a_password_among_the_options_goes_to_the_keyring_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(keyring, "set_password", lambda _, user, password: kept.update({user: password}))
    monkeypatch.setattr(keyring, "get_password", lambda _, user: kept.get(user))
    save_settings(StorageSettings().with_url("postgresql://me@host/db?password=hidden", "the test"))
    assert kept == {"postgresql+psycopg2://me@host/db": "hidden"}
    assert engine_for(str(load_settings().url)).url.password == "hidden"
    kept.clear()
    save_settings(StorageSettings().with_url("postgresql:///db?host=host&password=hidden", "the test"))
    assert engine_for(str(load_settings().url)).url.password == "hidden"


def test_a_secret_that_no_keyring_keeps_is_named_when_the_settings_are_saved() -> None:
    url = "postgresql://me@host/db?sslpassword=hidden"
    with pytest.raises(InputError, match=r"saved without its sslpassword") as error:
        save_settings(StorageSettings().with_url(url, "the test"))
    assert "hidden" not in str(error.value)
    assert load_settings().url == "postgresql+psycopg2://me@host/db"


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "postgresql://me:secret@host:port/db", "secret"])
def test_what_is_no_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(InputError) as error:
        normalised_url(url)
    assert "secret" not in str(error.value)


def test_settings_come_back_without_the_password_in_any_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCHEDRACE_CONFIG_DIR", str(tmp_path))
    kept: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(
        keyring, "set_password", lambda service, user, password: kept.update({(service, user): password})
    )
    save_settings(StorageSettings(kind="postgresql").with_url("postgres://me:hidden@host/db", "the test"))
    assert "hidden" not in (tmp_path / "storage.toml").read_text()
    assert list(kept.values()) == ["hidden"]
    loaded = load_settings()
    assert (loaded.kind, loaded.url) == ("postgresql", "postgresql+psycopg2://me@host/db")
    assert "hidden" not in repr(StorageSettings().with_url("postgres://me:hidden@host/db", "x"))


def test_a_machine_without_a_keyring_is_told_where_to_put_the_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCHEDRACE_CONFIG_DIR", str(tmp_path))
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    try:
        with pytest.raises(InputError, match=r"no keyring\. Put the password into ~/\.pgpass"):
            save_settings(StorageSettings().with_url("postgres://me:hidden@host/db", "the test"))
    finally:
        keyring.set_keyring(before)
    assert load_settings().url == "postgresql+psycopg2://me@host/db"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    save_settings(StorageSettings().with_url("postgresql://file@host/db", "the test"))
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", "postgresql://environment@host/db")
    settings = load_settings()
    assert settings.url is not None and shown_url(settings.url) == "postgresql://environment@host/db"
    assert "SCHEDRACE_DATABASE_URL" in settings.url_source


def test_an_unknown_setting_is_an_error_with_a_suggestion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCHEDRACE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "storage.toml").write_text('urll = "x"\n')
    with pytest.raises(InputError, match=r"unknown key 'urll'\. Did you mean 'url'\?"):
        load_settings()
