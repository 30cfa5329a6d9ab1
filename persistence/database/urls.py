"""Database URLs: one spelling inside, and never a password on a screen.

SQLAlchemy, which reads them, is imported at the first URL: the window that has none need not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

LAST_PORT = 65535
_DRIVER = "postgresql+psycopg2"
# What libpq takes as an option and nobody else may read. A passfile is only a path: it stays, or the stored URL would
# no longer find its password.
_SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")


def normalised_url(text: str) -> str:
    """Return a ``postgresql://``, ``postgres://`` or ``postgresql+psycopg2://`` URL in the last spelling.

    A password given as an option (``?password=...``, which libpq prefers) moves to where passwords belong, behind the
    user. Raises :class:`InputError` (which never quotes the password) for everything else.
    """
    url = _parsed(text.strip())
    if url.drivername not in ("postgresql", "postgres", _DRIVER):
        raise InputError(f"'{url.drivername}://...' is no PostgreSQL URL. Write postgresql://USER@HOST:5432/DATABASE.")
    for option in [name for name in url.query if name.lower() == "password"]:
        # without a user name the empty one keeps the password's place; libpq then takes the system's
        url = url.set(username=url.username or "", password=url.normalized_query[option][-1])
        url = url.difference_update_query([option])
    return url.set(drivername=_DRIVER).render_as_string(hide_password=False)


def without_password(url: str) -> str:
    """Return the URL without its password and other secrets: the form that may be stored in a file."""
    parsed = _parsed(normalised_url(url))
    bare = parsed.difference_update_query(secret_options(url))
    return bare._replace(username=bare.username or None, password=None).render_as_string()


def has_password(url: str) -> bool:
    """Whether a URL holds a password itself."""
    return bool(_parsed(normalised_url(url)).password)


def with_password_of(url: str, password: str) -> str:
    """Return the URL with a password; for one that lives no longer than this process."""
    parsed = _parsed(normalised_url(url))
    return parsed.set(username=parsed.username or "", password=password).render_as_string(hide_password=False)


def secret_options(url: str) -> list[str]:
    """Return the names of the options of a URL that hold a secret, apart from the password."""
    return [name for name in _parsed(normalised_url(url)).query if name.lower() in _SECRETS]


def shown_url(url: str) -> str:
    """Return how a URL is shown to a person: user, host and database, no password and no options but a service."""
    parsed = _parsed(url)
    service = parsed.normalized_query.get("service")
    if service and not parsed.host and not parsed.database:
        return f"postgresql://?service={service[-1]}"
    bare = parsed.difference_update_query(parsed.query)._replace(drivername="postgresql", password=None)
    bare = bare._replace(username=bare.username or None)
    return bare.render_as_string()


def _parsed(text: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # the cause is left out: its text may hold the password
        raise InputError(
            "The database URL cannot be read. Write postgresql://USER:PASSWORD@HOST:5432/DATABASE, "
            "with special characters in the password written as %XX."
        ) from None
    _check_ports(url)
    return url


def _check_ports(url: URL) -> None:
    """Refuse what no port can be; libpq takes several, one a host, from the options."""
    asked = [port for ports in url.normalized_query.get("port", ()) for port in ports.split(",") if port]
    for port in ([] if url.port is None else [str(url.port)]) + asked:
        if not (port.isdecimal() and 1 <= int(port) <= LAST_PORT):
            raise InputError(
                f"The database URL has the port {port}; a port is a number from 1 to {LAST_PORT}, usually 5432."
            )
