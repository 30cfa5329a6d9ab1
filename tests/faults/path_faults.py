"""Faults of the way to the server: it falls silent, it is cut, the network swallows what is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.campaign import Fault, Scene
from tests.faults.proxy import Proxy

_DATABASE = "The database postgresql://"
_SILENT = "does not answer"


@contextmanager
def behind_proxy(scene: Scene) -> Iterator[None]:
    """The SchedRace reaches the server by a TCP port of ours."""
    proxy = Proxy(_socket(scene))
    _proxies[scene.folder] = proxy
    scene.url = _url("127.0.0.1", proxy.port)
    try:
        yield
    finally:
        del _proxies[scene.folder]
        proxy.close()


@contextmanager
def way_silent(scene: Scene) -> Iterator[None]:
    """Connections stay open and new ones are taken, but nothing passes."""
    proxy = _proxies[scene.folder]
    proxy.pumping.clear()
    try:
        yield
    finally:
        proxy.pumping.set()


@contextmanager
def way_cut(scene: Scene) -> Iterator[None]:
    proxy = _proxies[scene.folder]
    proxy.cut()
    yield
    proxy.passing = True


@contextmanager
def across_a_network(scene: Scene) -> Iterator[None]:
    """The server's port is in a network of its own (namespace), a pair of virtual cables away."""
    name, number = f"faults{os.getpid()}", os.getpid() % 250
    here, there = f"10.213.{number}.1", f"10.213.{number}.2"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", f"h{os.getpid()}", "type", "veth", "peer", "name", "cable", "netns", name)
        _ip("addr", "add", f"{here}/30", "dev", f"h{os.getpid()}")
        _ip("link", "set", f"h{os.getpid()}", "up")
        _ip("-n", name, "addr", "add", f"{there}/30", "dev", "cable")
        _ip("-n", name, "link", "set", "cable", "up")
        command = ["ip", "netns", "exec", name, sys.executable, Path(__file__).with_name("proxy.py"), there, "5432"]
        with subprocess.Popen(
            [*command, _socket(scene)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as proxy:
            assert proxy.stdout is not None and proxy.stdin is not None
            assert proxy.stdout.readline() == "5432\n"
            scene.url = _url(there, 5432)
            try:
                yield
            finally:
                proxy.stdin.close()
    finally:
        _ip("netns", "del", name)  # takes both ends of the cable with it


@contextmanager
def black_hole(scene: Scene) -> Iterator[None]:
    """The cable is dead on the other side: no answer, no refusal, no end of the connection."""
    name = f"faults{os.getpid()}"
    _ip("-n", name, "link", "set", "cable", "down")
    yield
    _ip("-n", name, "link", "set", "cable", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=10)


def _url(host: str, port: int) -> str:
    return f"postgresql://schedrace@{host}:{port}/schedrace?sslmode=disable"


def _socket(scene: Scene) -> Path:
    return scene.server.address / ".s.PGSQL.5432"


_proxies: dict[Path, Proxy] = {}

PATH_FAULTS = (
    Fault("way silent", way_silent, _SILENT, stage=behind_proxy),
    Fault("way cut", way_cut, _DATABASE, stage=behind_proxy),
    # that it does not answer, or, once the kernel has given up looking for the host, that there is no way to it
    Fault("network black hole", black_hole, _DATABASE, stage=across_a_network, needs_root=True),
)
