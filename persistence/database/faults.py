"""Database errors, sorted by what helps, and said in a sentence."""

from __future__ import annotations

from persistence.database.libpq import asked_of_libpq, is_ignored, passfile, root_certificates
from persistence.database.urls import shown_url
from persistence.database.watchdog import NO_ANSWER
from persistence.errors import OwnServerStopped, StorageError

_LOST = (  # said of a connection that was open
    *("server closed the connection", "connection has been closed", "terminating connection", "invalid socket"),
    *("no connection to the server", "connection not open", "already closed", "could not receive data from server"),
    "could not send data to server",
    # a COPY to us that breaks off: psycopg2 (2.9.13, pq_raise) asks the result for the reason, not the connection
    "pgres_copy_out and no message",
)
_NOT_UP = ("starting up", "shutting down", "not yet accepting")
_GONE = (*_LOST, *_NOT_UP, "no such file or directory", "connection refused")
_ON_CONNECT = (  # what libpq or the server says (connection errors carry no code) -> what it means
    (
        ("password authentication failed",),
        "refused the password of '{user}'. Check it",
    ),
    (
        ("no password supplied",),
        "asks for the password of '{user}', and there is none. Put it into {passfile}",
    ),
    (
        ("no pg_hba.conf entry",),
        "does not let '{user}' in from here. Its administrator must (pg_hba.conf)",
    ),
    (
        ("could not translate host name", "name or service not known"),
        "cannot be found: no host '{host}'. Check the name",
    ),
    (
        ("connection refused",),
        "refuses connections: nothing listens at {host}:{port}. Check this host and this port, or start the server",
    ),
    (("no such file or directory",), "is not running: there is no server behind its socket. Start it"),
    (("timeout expired", "timed out"), "does not answer. Check host and port, and whether a firewall is between"),
    ((NO_ANSWER,), "does not answer ({text}). It is tried again"),
    (_LOST, "has stopped, or the connection to it was cut. It is tried again"),
    (
        ("no route to host", "network is unreachable"),
        "cannot be reached: no way to '{host}'. Check the network",
    ),
    (
        ("server does not support ssl",),
        "offers no encryption, without which others on the way can read and write. Its administrator must switch TLS "
        "on; if you trust everybody on the way, say so in the settings, or by sslmode=disable in the URL",
    ),
    (
        ("certificate verify failed",),
        "shows a certificate of an authority that is not known here. Put the authority's certificate into {roots}, or "
        "name its file in the URL (sslrootcert=FILE)",
    ),
    (
        ("does not match host name", "host name must be specified"),
        "shows a certificate, but not one for the name '{host}': {text}. Use the name that is in it, or check who "
        "answers there",
    ),
    (
        ("root certificate file",),
        "cannot be verified: {text}. Put the certificate of its authority there",
    ),
    (("definition of service",), "is not known: {text}. Check the name, and the service file (~/.pg_service.conf)"),
    (("ssl",), "and this machine do not agree on encryption: {text}. Check sslmode and certificates"),
    (
        ("too many clients", "remaining connection slots"),
        "has no connection left. Close other clients",
    ),
    (_NOT_UP, "is just starting or stopping. It is tried again"),
)
_BY_CODE = {
    "42501": "does not give '{user}' the rights it needs ({text}). Grant them, or ask its administrator",
    "42P01": "has lost a table ({text}). Check what happened to the schema 'schedrace'",
    "3F000": "has lost the schema 'schedrace' ({text}). Check what happened to it",
    "25006": "can only be read ({text}). Connect to the primary server, or make it writable",
    "53100": "has no disk space left. Free some there",
    "55P03": "is locked by somebody else at the moment. It is tried again",
    "40P01": "was being changed by two writers that waited for each other, so one gave way. It is tried again",
}
_DATA_CLASSES = ("22", "23")
_NO_SUCH_RUN = "23503"  # somebody deleted the run: it is made known again, and replayed


def refuses_rows(error: BaseException) -> bool:
    """Whether the database refuses the rows themselves (SQLSTATE 22, 23): trying again cannot help."""
    code = getattr(error, "pgcode", None) or ""
    return code[:2] in _DATA_CLASSES and code != _NO_SUCH_RUN


def as_storage_error(error: BaseException, url: str, own: bool = False) -> StorageError:
    """Return the sentence for a failed connection or statement; it never holds a password.

    ``own`` says that the server is SchedRace's, which one of its instances starts again when it has stopped
    (:class:`OwnServerStopped`).
    """
    text = _first_line(error)
    if own and _says(text, _GONE):
        return OwnServerStopped(
            "SchedRace's own PostgreSQL has stopped, as it does when the SchedRace that ran it ends. It is started "
            "again; until then rows wait in the journal."
        )
    return StorageError(f"The database {shown_url(url)} {_meaning(error, text, url)}.")


def _meaning(error: BaseException, text: str, url: str) -> str:
    asked = asked_of_libpq(url)
    user, host = asked.get("user", ""), asked.get("host", "")
    words = {"user": user, "host": host, "port": asked.get("port", "5432"), "text": text}
    words |= {"passfile": _where_passwords_go(url), "roots": str(root_certificates())}
    code = getattr(error, "pgcode", None)
    if code in _BY_CODE:
        return _BY_CODE[code].format(**words)
    low = text.lower()
    if 'database "' in low and "does not exist" in low:
        return f"does not exist on '{host or 'this machine'}'. Create it (createdb), or correct its name"
    if 'role "' in low and "does not exist" in low:
        return f"does not know the user '{user}'. Check the user name"
    for signs, meaning in _ON_CONNECT:
        if _says(text, signs):
            return meaning.format(**words)
    return f"does not work: {text or type(error).__name__}. It is tried again"


def _where_passwords_go(url: str) -> str:
    path = passfile(url)
    if is_ignored(path):
        return f"{path} and take the rights of others on that file away, or it is ignored: chmod 600 {path}"
    return f"{path} (for you only: chmod 600), or into the settings of the window, which keep it in the keyring"


def _says(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text.lower() for sign in signs)


def _first_line(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    lines = [line.strip() for line in str(original).splitlines() if line.strip()]
    # of several addresses tried, or of a message with DETAIL, the first line says it
    text = lines[0] if lines else ""
    _, _, reason = text.partition("failed: ")
    return (reason or text).removeprefix("FATAL:").strip().rstrip(".")
