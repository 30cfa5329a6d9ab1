"""A database URL as the fields of a form, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import InputError
from persistence.database.url_fields import UrlFields, edited_url, service_of, url_fields
from persistence.database.urls import normalised_url
from persistence.settings import StorageSettings, save_settings, stored_settings

REMOTE = "postgresql+psycopg2://ann@db.example:5433/races?sslmode=verify-full&target_session_attrs=read-write"
SOCKET = "postgresql+psycopg2://ann@/races?host=%2Frun%2Fpg"


pytestmark = pytest.mark.usefixtures("keyring_in_memory")


@pytest.mark.parametrize("url", [REMOTE, SOCKET, "postgresql+psycopg2:///races", "postgresql+psycopg2://db.example"])
def test_a_url_whose_fields_are_not_edited_stays_as_it_is(url):
    assert edited_url(url, url_fields(url)) == url


def test_what_has_no_field_is_kept_when_another_field_is_edited():
    edited = edited_url(REMOTE, replace(url_fields(REMOTE), host="other.example", database="more"))
    assert edited == REMOTE.replace("db.example", "other.example").replace("/races", "/more")


def test_the_folder_of_a_socket_is_its_host():
    fields = url_fields(SOCKET)
    assert fields == UrlFields("/run/pg", 5432, "races", "ann")
    assert edited_url(SOCKET, replace(fields, host="/tmp")) == SOCKET.replace("%2Frun%2Fpg", "%2Ftmp")
    assert edited_url(SOCKET, replace(fields, host="db.example")) == "postgresql+psycopg2://ann@db.example/races"
    assert edited_url(REMOTE, replace(url_fields(REMOTE), host="/tmp")).startswith("postgresql+psycopg2://ann@:5433/")


def test_an_emptied_host_means_no_url():
    assert edited_url(REMOTE, replace(url_fields(REMOTE), host="")) is None
    assert edited_url(SOCKET, replace(url_fields(SOCKET), host="")) is None
    assert edited_url(None, UrlFields()) is None


@pytest.mark.parametrize("address", ["h:99999/d", "h:0/d", "/d?host=h&port=99999", "/d?host=a,b&port=5432,70000"])
def test_a_port_that_no_machine_has_is_refused_without_the_password(address):
    with pytest.raises(InputError, match=r"has the port \d+; a port is a number from 1 to 65535") as caught:
        normalised_url(f"postgresql://ann:secret@{address}")
    assert "secret" not in str(caught.value)


def test_ports_of_several_hosts_are_taken():
    assert "port=5432%2C5433" in normalised_url("postgresql:///d?host=a,b&port=5432,5433")


def test_fields_alone_make_a_url():
    url = edited_url(None, UrlFields("db.example", 5432, "", "ann"), "s/ecret")
    assert url == "postgresql+psycopg2://ann:s%2Fecret@db.example:5432/schedrace"


def test_a_kept_password_goes_along_to_another_database_but_never_to_another_host():
    save_settings(StorageSettings("postgresql", url=REMOTE.replace("ann@", "ann:secret@")))
    url = stored_settings().url
    assert url == REMOTE
    assert "ann:secret@" in edited_url(url, replace(url_fields(url), database="more"))
    assert "secret" not in edited_url(url, replace(url_fields(url), host="other.example"))


def test_how_the_connection_is_encrypted_is_a_field():
    assert url_fields(REMOTE).sslmode == "verify-full"
    weaker = edited_url(REMOTE, replace(url_fields(REMOTE), sslmode="require"))
    assert "sslmode=require" in weaker and "target_session_attrs=read-write" in weaker
    bare = edited_url(REMOTE, replace(url_fields(REMOTE), sslmode=""))
    assert "sslmode" not in bare and "target_session_attrs=read-write" in bare
    assert edited_url(None, UrlFields("db.example", sslmode="disable")).endswith("/schedrace?sslmode=disable")


def test_a_url_of_a_service_names_it():
    url = "postgresql+psycopg2://?service=races"
    assert (service_of(url), service_of(REMOTE), service_of(None)) == ("races", None, None)
    assert edited_url(url, url_fields(url)) == url
