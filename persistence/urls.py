"""Database URLs: one spelling inside, and never a password on a screen.

SQLAlchemy, which reads them, is imported at the first URL: the window that has none need not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_DRIVER = "postgresql+psycopg2"


def normalised_url(text: str) -> str:
    """Return a ``postgresql://``, ``postgres://`` or ``postgresql+psycopg2://`` URL in the last spelling.

    Raises :class:`InputError` (which never quotes the password) for everything else.
    """
    url = _parsed(text.strip())
    if url.drivername not in ("postgresql", "postgres", _DRIVER):
        raise InputError(f"'{url.drivername}://...' is no PostgreSQL URL. Write postgresql://USER@HOST:5432/DATABASE.")
    return url.set(drivername=_DRIVER).render_as_string(hide_password=False)


def without_password(url: str) -> str:
    """Return the URL without its password: the form that may be stored in a file."""
    bare = _parsed(url)._replace(password=None)
    return bare.render_as_string()


def shown_url(url: str) -> str:
    """Return how a URL is shown to a person: user, host and database, no password and no options."""
    parsed = _parsed(url)
    bare = parsed.difference_update_query(parsed.query)._replace(drivername="postgresql", password=None)
    return bare.render_as_string()


def _parsed(text: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        # the cause is left out: its text may hold the password
        raise InputError(
            "The database URL cannot be read. Write postgresql://USER:PASSWORD@HOST:5432/DATABASE, "
            "with special characters in the password written as %XX."
        ) from None
