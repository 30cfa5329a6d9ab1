"""A database URL as the fields of a form, and back: what the form does not show stays as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from persistence.database.urls import normalised_url
from persistence.settings import stored_password

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DEFAULT_PORT = 5432
DEFAULT_DATABASE = "schedrace"


@dataclass(frozen=True, slots=True)
class UrlFields:
    """What a form shows of a URL. ``host`` may be the folder of a socket, as it may for psql; ``sslmode`` may be empty,
    where the URL names none."""

    host: str = ""
    port: int = DEFAULT_PORT
    database: str = ""
    user: str = ""
    sslmode: str = ""

    @property
    def login(self) -> tuple[str, int, str]:
        """Where a password is valid."""
        return self.host, self.port, self.user


def url_fields(text: str | None) -> UrlFields:
    """Return the fields of a URL, empty ones for None. Raises InputError when it is none."""
    if text is None:
        return UrlFields()
    url = _parsed(text)
    host = url.host or ",".join(url.normalized_query.get("host", ()))
    sslmode = ",".join(url.normalized_query.get("sslmode", ()))
    return UrlFields(host, url.port or DEFAULT_PORT, url.database or "", url.username or "", sslmode)


def service_of(text: str | None) -> str | None:
    """Return the service that a URL names, whose entry in the service file says what the form does not show."""
    return None if text is None else ",".join(_parsed(text).normalized_query.get("service", ())) or None


def known_password(text: str) -> str | None:
    """Return the password of a URL: its own, else the keyring's."""
    own = _parsed(text).password
    return str(own) if own else stored_password(text)


def edited_url(text: str | None, fields: UrlFields, password: str = "") -> str | None:
    """Return ``text`` with the fields that differ from its own; None when its host was emptied.

    Everything that has no field (``sslrootcert``, say) is kept. A password that is known already goes along as long as
    host, port and user stay: it is for nobody else.
    """
    before = url_fields(text)
    if text is not None and fields == before and not password:
        return text
    if not fields.host and (text is None or before.host):
        return None
    url = _parsed(text or "postgresql://")
    if fields.login != before.login:
        url = url._replace(password=None)
    elif text is not None:
        url = url._replace(password=known_password(text))
    if fields.host != before.host:
        url = _with_host(url, fields.host)
    if text is None or fields.port != before.port:
        url = url.set(port=fields.port).difference_update_query(["port"])
    if text is None or fields.database != before.database:
        url = url.set(database=fields.database or DEFAULT_DATABASE)
    if fields.user != before.user:
        url = url._replace(username=fields.user or None)
    if fields.sslmode != before.sslmode:
        url = url.difference_update_query(["sslmode"])
        url = url.update_query_dict({"sslmode": fields.sslmode} if fields.sslmode else {})
    return (url.set(password=password) if password else url).render_as_string(hide_password=False)


def _with_host(url: URL, host: str) -> URL:
    """Return the URL of another host; a host among the options would win over it."""
    url = url.difference_update_query(["host"])
    if host.startswith("/"):
        return url._replace(host=None).update_query_dict({"host": host})
    return url._replace(host=host)


def _parsed(text: str) -> URL:
    from sqlalchemy.engine import make_url

    return make_url(normalised_url(text))
