"""A way to a server that can be broken: a TCP port whose bytes are pumped into the server's Unix socket and back.

As a program: ``python proxy.py HOST PORT SOCKET`` pumps until its standard input ends.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path

_READY = b"Z\0\0\0\5I"
"""What a server says when it waits for a query, the first time after the login."""


class Proxy:
    """Pumps from :attr:`port` until :meth:`close`. ``pumping`` cleared: it takes connections and bytes, and keeps them
    for itself; ``passing`` cleared: it cuts whoever comes; ``silent_after_login`` set: after the login it keeps for
    itself what comes (``swallowed`` says that something has)."""

    def __init__(self, server: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = server
        self._listener = socket.create_server((host, port), backlog=50)
        self.port: int = self._listener.getsockname()[1]
        self.pumping = threading.Event()
        self.pumping.set()
        self.passing = True
        self.silent_after_login = False
        self.swallowed = threading.Event()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """Cut all connections, and those to come."""
        self.passing = False
        self._cut_all()

    def close(self) -> None:
        """Cut all connections and end."""
        self.pumping.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        self._threads[0].join()
        self._listener.close()
        self._cut_all()
        for thread in self._threads:
            thread.join()

    def _cut_all(self) -> None:
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self.passing:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._server))
            except OSError:
                client.close()
                server.close()
                continue
            self._open = [end for end in self._open if end.fileno() >= 0] + [client, server]
            pair = threading.Thread(target=self._pump_pair, args=(client, server), daemon=True)
            self._threads.append(pair)
            pair.start()

    def _pump_pair(self, client: socket.socket, server: socket.socket) -> None:
        silent = threading.Event()
        back = threading.Thread(target=self._pump, args=(server, client, silent, True), daemon=True)
        back.start()
        self._pump(client, server, silent)
        back.join()
        client.close()
        server.close()

    def _pump(
        self, source: socket.socket, target: socket.socket, silent: threading.Event, answers: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.pumping.wait()
                if silent.is_set():
                    self.swallowed.set()
                    continue
                if answers and self.silent_after_login and data.endswith(_READY):
                    silent.set()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    proxy = Proxy(Path(sys.argv[3]), sys.argv[1], int(sys.argv[2]))
    print(proxy.port, flush=True)
    sys.stdin.read()
    proxy.close()
