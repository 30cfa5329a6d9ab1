"""What is known of one connection: who, with which rights, how encrypted, how bounded, and how many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from persistence.database.libpq import is_local
from persistence.database.watchdog import LIMIT_S
from persistence.finding import Finding

NEEDED = ("SELECT", "INSERT", "UPDATE")
FULL = 0.9
"""Share of the server's connections from which on a newcomer may be refused soon."""


def connection_lines(cursor: Any, own: bool) -> Iterator[Finding]:
    """Look at the connection of a psycopg2 cursor; ``own``: to SchedRace's own server, where it may do everything."""
    cursor.execute(_SESSION)
    session = dict(zip([c.name for c in cursor.description], cursor.fetchone(), strict=True))
    asked: Mapping[str, str] = cursor.connection.info.dsn_parameters
    host = str(cursor.connection.info.host or "")
    yield _host_line(host, cursor.connection.info.port, session)
    yield _user_line(session, own)
    yield _rights_line(cursor, session)
    yield tls_line(host, session["address"], session["tls"], asked.get("sslmode", "prefer"))
    yield _access_line(session)
    yield _timeouts_line(session, asked)
    yield _connections_line(session)


def tls_line(host: str, address: str | None, tls: str | None, sslmode: str) -> Finding:
    """``host`` as it was asked for, ``address`` the server's own (None: a socket), ``tls`` its version and cipher."""
    if address is None:
        return Finding("TLS", "ok", "not needed over a socket")
    remote = not (is_local(host) or is_local(address))
    if tls is None:
        if not remote:
            return Finding("TLS", "ok", "not encrypted, and not needed on this machine")
        detail = f"The connection to {host} is not encrypted: others on the way can read it, and write into it."
        advice = "Put sslmode=verify-full into the URL; the server's administrator may have to switch TLS on."
        return Finding("TLS", "fail", detail, advice)
    if remote and sslmode not in ("verify-full", "verify-ca"):
        detail = f"{tls}; but with sslmode={sslmode} nobody checks that it is {host} that answers"
        return Finding("TLS", "warn", detail, "Put sslmode=verify-full into the URL.")
    return Finding("TLS", "ok", f"{tls}, sslmode={sslmode}")


def _host_line(host: str, port: int, session: Mapping[str, Any]) -> Finding:
    if session["address"] is None:
        return Finding("host", "ok", f"the socket in {host}" if host.startswith("/") else "a socket on this machine")
    return Finding("host", "ok", f"{host}:{port} ({session['address']})")


def _user_line(session: Mapping[str, Any], own: bool) -> Finding:
    if session["superuser"] and not own:
        detail = f"{session['user_name']}, a superuser: a mistake could harm other databases there"
        script = files("resources") / "sql" / "roles.sql"
        return Finding("user", "warn", detail, f"Give SchedRace a role of its own: {script} makes them.")
    return Finding("user", "ok", session["user_name"])


def _rights_line(cursor: Any, session: Mapping[str, Any]) -> Finding:
    user, lacking = session["user_name"], []
    cursor.execute(_PRIVILEGES)
    privileges = cursor.fetchall()
    for right, column in zip(NEEDED, (1, 2, 3), strict=True):
        if tables := [row[0] for row in privileges if not row[column]]:
            lacking.append(f"{right} on {', '.join(tables)}")
    if not session["may_temp"]:
        lacking.append("TEMP on the database")
    if lacking:
        advice = f"Run as the owner: GRANT {', '.join(NEEDED)} ON ALL TABLES IN SCHEMA schedrace TO {user};"
        return Finding("rights", "fail", f"'{user}' lacks {'; '.join(lacking)}", advice)
    may_delete = all(row[4] for row in privileges)
    clean_up = "it may also clean up" if may_delete else "cleaning up needs another role"
    return Finding("rights", "ok", f"TEMP, and {', '.join(NEEDED)} on {len(privileges)} tables; {clean_up}")


def _access_line(session: Mapping[str, Any]) -> Finding:
    if session["recovery"]:
        return Finding("access", "fail", "The server is a standby and can only be read.", "Connect to the primary.")
    if session["read_only"]:
        detail, advice = "The session can only read.", "Look at default_transaction_read_only of role and database."
        return Finding("access", "fail", detail, advice)
    return Finding("access", "ok", "read and write, not in recovery")


def _timeouts_line(session: Mapping[str, Any], asked: Mapping[str, str]) -> Finding:
    """Every call must end: by the server's limits, by libpq's, and by our watchdog, which shuts the socket."""
    on_server = {"lock": session["lock"], "statement": session["statement"], "idle in transaction": session["idle"]}
    connect, tcp = asked.get("connect_timeout", "0"), float(asked.get("tcp_user_timeout", "0")) / 1000
    limits = [f"connect {connect} s", f"silent network {tcp:g} s", *(f"{name} {on_server[name]}" for name in on_server)]
    detail = f"{', '.join(limits)}, watchdog {LIMIT_S:g} s"
    unbounded = [name for name, value in on_server.items() if value == "0"]
    if connect == "0":
        unbounded.append("connect")
    if unbounded:
        detail += f"; without a limit: {', '.join(unbounded)}"
        return Finding("timeouts", "warn", detail, "A pooler on the way may drop the options of a connection.")
    return Finding("timeouts", "ok", detail)


def _connections_line(session: Mapping[str, Any]) -> Finding:
    used, most = session["used"], session["most"]
    detail = f"{used} of {most} used"
    if used >= FULL * most:
        return Finding("connections", "warn", detail, "Close other clients, or raise max_connections.")
    return Finding("connections", "ok", detail)


_SESSION = """
    SELECT current_user AS user_name, host(inet_server_addr()) AS address,
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
           has_database_privilege(current_database(), 'TEMP') AS may_temp,
           (SELECT version || ', ' || cipher || ', ' || bits || ' bits' FROM pg_stat_ssl
             WHERE pid = pg_backend_pid() AND ssl) AS tls,
           pg_is_in_recovery() AS recovery, current_setting('transaction_read_only')::bool AS read_only,
           current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement,
           current_setting('idle_in_transaction_session_timeout') AS idle,
           (SELECT sum(numbackends)::int FROM pg_stat_database) AS used,
           current_setting('max_connections')::int AS most
"""
_PRIVILEGES = """
    SELECT c.relname, has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),
           has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE')
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'schedrace' AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
     ORDER BY c.relname
"""
