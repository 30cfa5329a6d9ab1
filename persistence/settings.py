"""Where rows go: what the user chose, kept as a small TOML file; a password is kept in the system's keyring only."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs
import tomli_w

from engine.errors import InputError, did_you_mean
from persistence.database.urls import normalised_url, secret_options, shown_url, without_password

URL_VARIABLE = "SCHEDRACE_DATABASE_URL"
_KEYRING_SERVICE = "schedrace"
_FILE = "storage.toml"
_TYPES = {"kind": str, "url": str, "journal_sync": str, "keep_runs": int, "keep_days": int}
"""The keys of our settings file."""

JOURNAL_SYNC = ("each", "group", "system")
"""When a journal is made durable (:class:`persistence.journal.files.Journal`): with each batch; at most every 50 ms;
when the system does so by itself."""


def config_dir() -> Path:
    """The folder of our settings files (``SCHEDRACE_CONFIG_DIR``, else where the system wants them)."""
    return Path(os.environ.get("SCHEDRACE_CONFIG_DIR") or platformdirs.user_config_path("schedrace")).absolute()


def data_dir() -> Path:
    """The folder of the journals and our own database (``SCHEDRACE_DATA_DIR``, else where the system wants it)."""
    return Path(os.environ.get("SCHEDRACE_DATA_DIR") or platformdirs.user_data_path("schedrace")).absolute()


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """``kind`` is ``auto`` (the URL, else our own PostgreSQL, else CSV), ``postgresql``, ``csv``, ``none`` or a plugin.

    ``url`` None means our own PostgreSQL; ``url_source`` says where the URL came from. ``keep_runs`` and ``keep_days``
    let old runs be deleted at the start (:mod:`persistence.retention`); None: they are kept for ever.
    """

    kind: str = "auto"
    url: str | None = field(default=None, repr=False)
    data_dir: Path = field(default_factory=data_dir)
    url_source: str = "no URL is set"
    journal_sync: str = "each"
    keep_runs: int | None = None
    keep_days: int | None = None

    def with_url(self, url: str, source: str) -> StorageSettings:
        """Return these settings with another database URL; raises :class:`InputError` when it is none."""
        return replace(self, url=normalised_url(url), url_source=source)

    @property
    def runs_dir(self) -> Path:
        """The folder that holds one journal folder a run."""
        return self.data_dir / "runs"


def stored_settings() -> StorageSettings:
    """Return what our settings file says. Raises :class:`InputError` on a broken file."""
    path = config_dir() / _FILE
    return _from_file(path, StorageSettings()) if path.exists() else StorageSettings()


def file_that_asks_for(kind: str) -> Path | None:
    """Return our settings file if it names this kind of storage."""
    path = config_dir() / _FILE
    return path if path.exists() and stored_settings().kind == kind else None


def load_settings() -> StorageSettings:
    """Return the settings to use; the environment wins over the file. Raises :class:`InputError` on a broken one."""
    settings = stored_settings()
    from_environment = os.environ.get(URL_VARIABLE)
    if from_environment:
        settings = settings.with_url(from_environment, f"the environment variable {URL_VARIABLE}")
    return settings


def save_settings(settings: StorageSettings) -> Path:
    """Write kind and URL to our settings file and the password to the keyring; return the file's path.

    Raises :class:`InputError` when there is a password but no keyring, or another secret, for which there is no place;
    the file is then written without it.
    """
    folder = config_dir()
    table: dict[str, str | int] = {"kind": settings.kind}
    if settings.url:
        table["url"] = without_password(settings.url)
    if settings.journal_sync != JOURNAL_SYNC[0]:
        table["journal_sync"] = settings.journal_sync
    table |= {name: n for name in ("keep_runs", "keep_days") if (n := getattr(settings, name)) is not None}
    path = folder / _FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tomli_w.dumps(table).encode())
    except OSError as error:
        raise InputError(f"The settings could not be written to {path}: {error.strerror}. Check the folder.") from error
    if settings.url:
        _keep_password(settings.url)
        _name_what_was_left_out(settings.url)
    return path


def stored_password(url: str) -> str | None:
    """Return the password that the keyring holds for ``url``, or None (also where there is no keyring)."""
    import keyring
    import keyring.errors

    try:
        return keyring.get_password(_KEYRING_SERVICE, without_password(url))
    except (keyring.errors.KeyringError, RuntimeError, OSError):
        return None  # a headless machine has no keyring; libpq then looks into .pgpass


def _from_file(path: Path, settings: StorageSettings) -> StorageSettings:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The settings file {path} cannot be read: {error}. Mend it or delete it.") from error
    for key, value in table.items():
        _check(key, value, path)
    kept = {name: table[name] for name in ("kind", "journal_sync", "keep_runs", "keep_days") if name in table}
    settings = replace(settings, **kept)
    if "url" in table:
        settings = settings.with_url(table["url"], f"the settings file {path}")
    return settings


def _check(key: str, value: object, path: Path) -> None:
    if key not in _TYPES:
        raise InputError(f"The settings file {path} has an unknown key '{key}'.{did_you_mean(key, _TYPES)}")
    if _TYPES[key] is str and not isinstance(value, str):
        raise InputError(f"'{key}' in the settings file {path} is not a text.")
    # bool is an int to Python
    if _TYPES[key] is int and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise InputError(f"'{key}' in the settings file {path} is not a whole number above 0.")
    if key == "journal_sync" and value not in JOURNAL_SYNC:
        raise InputError(
            f"'journal_sync' in the settings file {path} cannot be '{value}'.{did_you_mean(str(value), JOURNAL_SYNC)}"
        )


def _name_what_was_left_out(url: str) -> None:
    lost = secret_options(url)
    if lost:
        raise InputError(
            f"The connection {shown_url(url)} was saved without its {', '.join(lost)}, for which the keyring has no "
            f"place. Put the whole URL into {URL_VARIABLE}."
        )


def _keep_password(url: str) -> None:
    from sqlalchemy.engine import make_url

    password = make_url(url).password
    if not password:
        return
    import keyring
    import keyring.errors

    try:
        keyring.set_password(_KEYRING_SERVICE, without_password(url), str(password))
    except (keyring.errors.KeyringError, RuntimeError, OSError) as error:
        raise InputError(
            f"The connection {shown_url(url)} was saved without its password, because this machine has no keyring. "
            f"Put the password into ~/.pgpass (mode 0600) or the whole URL into {URL_VARIABLE}."
        ) from error
