"""Asks somebody at the terminal for the password of a database that wants one, where none is known."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from persistence.settings import StorageSettings


def with_password(settings: StorageSettings) -> StorageSettings:
    """Return the settings with the password that was typed, which is shown and kept nowhere; else as they are.

    One that is in the URL, in the keyring, in ``.pgpass``, in a service file or in PGPASSWORD is not asked for.
    """
    if settings.url is None or settings.kind not in ("auto", "postgresql") or not sys.stdin.isatty():
        return settings
    from persistence.database.connection import asks_for_password
    from persistence.database.urls import shown_url, with_password_of

    if not asks_for_password(settings.url):
        return settings
    import getpass

    try:
        password = getpass.getpass(f"Password for {shown_url(settings.url)}: ")
    except EOFError:
        return settings
    return settings.with_url(with_password_of(settings.url, password), settings.url_source) if password else settings
