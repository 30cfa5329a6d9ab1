"""A small SchedRace for tests: uses its own PostgreSQL until its standard input ends; told 'url', it says where."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psycopg2

from persistence.embedded.keeper import server_url, stop_server
from persistence.errors import StorageError


def main() -> None:
    signal.signal(signal.SIGINT, lambda *_: None)
    data_dir = Path(sys.argv[1])
    for _ in sys.stdin:
        try:
            url = server_url(data_dir)
            psycopg2.connect(url.replace("+psycopg2", "")).close()
            print(url, flush=True)
        except StorageError as error:
            print(error, flush=True)
    stop_server(data_dir)


main()
