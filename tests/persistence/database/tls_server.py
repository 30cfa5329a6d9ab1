"""A PostgreSQL on a loopback address with TLS and a certificate authority of its own, made by openssl."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from persistence.embedded.account import Account, server_account

NAME = "localhost"
"""The only name in the server's certificate."""


def why_none() -> str | None:
    """Return why such a server cannot be had here, None where it can: the PostgreSQL of our wheel speaks no TLS."""
    if shutil.which("openssl") is None:
        return "there is no openssl to make certificates with"
    return None if _programs() else "no PostgreSQL that speaks TLS is installed"


@dataclass(slots=True)
class TlsServer:
    """``url()`` is that of user 'me' on database 'postgres', by the name in the certificate."""

    folder: Path
    programs: Path
    account: Account
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def authority(self) -> Path:
        """The certificate of the authority that has signed the server's."""
        return self.folder / "authority.crt"

    @property
    def stranger(self) -> Path:
        """The certificate of another authority."""
        return self.folder / "stranger.crt"

    def url(self, host: str = NAME, **options: object) -> str:
        return f"postgresql://me@{host}:{self.port}/postgres?" + "&".join(f"{k}={v}" for k, v in options.items())

    def start(self, *, tls: bool) -> None:
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=", "fsync=off"]
        if tls:
            files = (("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key"))
            settings += ["ssl=on", *(f"{name}={self.folder / file}" for name, file in files)]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data")]
        for setting in settings:
            command += ["-c", setting]
        self.process = subprocess.Popen(command, **self._as_account(), stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < until, "the server does not come up"
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def make(self) -> None:
        """Make the data folder and the certificates."""
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        self.account.give(data)
        initdb = [self.programs / "initdb", "-D", data, "-A", "trust", "-U", "me", "--no-locale", "-E", "UTF8", "-N"]
        subprocess.run(initdb, **self._as_account(), check=True, capture_output=True)
        for name in ("authority", "stranger"):
            self._openssl("req", "-x509", *_NEW_KEY, f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}")
        self._openssl("req", "-new", *_NEW_KEY, "server.key", "-out", "server.csr", "-subj", f"/CN={NAME}")
        (self.folder / "names").write_text(f"subjectAltName=DNS:{NAME}\n")
        signing = ("-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial", "-extfile", "names")
        self._openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.crt")
        (self.folder / "server.key").chmod(0o600)
        self.account.give(self.folder / "server.key")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def _as_account(self) -> dict[str, Any]:
        return {**self.account.run_arguments(), "cwd": "/", "stdin": subprocess.DEVNULL}

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url("127.0.0.1", sslmode="prefer")).close()
        except psycopg2.Error:
            return False
        return True


@contextmanager
def made_server() -> Iterator[TlsServer]:
    """Make a server that is not started yet; stop and remove it in the end."""
    programs = _programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="schedrace-tls-"))  # pytest's folders are closed to the server's account
    folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = TlsServer(folder, programs, server_account(), port)
    try:
        server.make()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """Return the newest installed PostgreSQL that was built with OpenSSL."""
    for folder in sorted(Path("/").glob("usr/lib/postgresql/*/bin"), reverse=True):
        postgres = folder / "postgres"
        if postgres.exists() and b"SSL_CTX_new" in postgres.read_bytes():
            return folder
    return None


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")
