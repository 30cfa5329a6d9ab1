"""What libpq makes of a URL: what the URL says, else its service's entry in the service file, else PG... variables.

It has its own defaults for what none of them says. What we need to know of it before it connects is read here in the
same order; connecting is left to it.
"""

from __future__ import annotations

import ipaddress
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from persistence.database.urls import normalised_url

_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "service": "PGSERVICE",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
_SYSTEM_ROOTS = (  # Debian, Fedora, openSUSE, Alpine and macOS
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
STRICT = "verify-full"
"""The sslmode that encrypts, and checks that the server is the one that was named."""


def asked_of_libpq(url: str) -> dict[str, str]:
    """Return the parameters that URL, service file and environment ask for; passwords are left out."""
    from sqlalchemy.engine import make_url

    parsed = make_url(normalised_url(url))
    by_url = {name: ",".join(values) for name, values in parsed.normalized_query.items()}
    parts = {"host": parsed.host, "port": parsed.port, "user": parsed.username, "dbname": parsed.database}
    by_url = {**{name: str(part) for name, part in parts.items() if part}, **by_url}
    asked = {name: os.environ[variable] for name, variable in _VARIABLES.items() if os.environ.get(variable)}
    service = by_url.get("service") or asked.get("service")
    if service:
        asked |= _service(service)
    asked |= by_url
    return {name: value for name, value in asked.items() if "password" not in name}


def encryption(url: str) -> dict[str, str]:
    """Return the arguments with which libpq shall connect over those that it was asked for.

    A server on another machine is only trusted with its certificate (``verify-full``), unless somebody chose another
    ``sslmode``. Where nobody named the authorities, and there is no ``root.crt``, these are the system's.
    """
    asked = asked_of_libpq(url)
    added: dict[str, str] = {}
    roots = asked.get("sslrootcert")
    if "sslmode" not in asked and (roots == "system" or not all(map(is_local, _hosts(asked)))):
        added["sslmode"] = STRICT
    strict = {**asked, **added}.get("sslmode") == STRICT
    if strict and (roots == "system" or (roots is None and not root_certificates().exists())):
        # "system" would be where the driver's own OpenSSL was built, a folder that is nowhere
        found = next((path for path in _SYSTEM_ROOTS if Path(path).exists()), None)
        if found is not None:
            added["sslrootcert"] = found
    return added


def is_local(host: str) -> bool:
    """Whether a host (a name, an address, the folder of a socket, or nothing) is this machine."""
    if host.count(":") == 1:  # one of several, with its port
        host = host.split(":")[0]
    if host.startswith(("/", "@")) or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def root_certificates() -> Path:
    """Return the file of authorities that libpq reads unless it is told another one; it may not exist."""
    return _user_folder() / "root.crt"


def passfile(url: str | None) -> Path:
    """Return the file in which libpq looks for the password; it may not exist."""
    asked = {} if url is None else asked_of_libpq(url)
    if path := asked.get("passfile") or os.environ.get("PGPASSFILE"):
        return Path(path)
    return _user_folder() / "pgpass.conf" if sys.platform == "win32" else Path.home() / ".pgpass"


def is_ignored(passfile: Path) -> bool:
    """Whether libpq ignores a file of passwords, as it does when others can read it."""
    try:
        mode = passfile.stat().st_mode
    except OSError:
        return False
    return sys.platform != "win32" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def _hosts(asked: Mapping[str, str]) -> list[str]:
    """Return where the connection may go: libpq prefers addresses, and tries several one after the other."""
    return (asked.get("hostaddr") or asked.get("host", "")).split(",")


def _service(name: str) -> dict[str, str]:
    """Return the entry of a service; libpq itself complains of one that is not there."""
    for path in _service_files():
        try:
            lines = path.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        if entry := dict(_entry(name, lines)):
            return entry
    return {}


def _service_files() -> Iterator[Path]:
    if named := os.environ.get("PGSERVICEFILE"):
        yield Path(named)
    else:
        yield (_user_folder() if sys.platform == "win32" else Path.home()) / ".pg_service.conf"
    if system := os.environ.get("PGSYSCONFDIR"):
        yield Path(system) / "pg_service.conf"


def _entry(name: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    inside = False
    for line in map(str.strip, lines):
        if line.startswith("["):
            inside = line == f"[{name}]"
        elif inside and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            yield key, value


def _user_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "")) / "postgresql"
    return Path.home() / ".postgresql"
