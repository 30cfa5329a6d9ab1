"""One of several that record on one own PostgreSQL: says whenever its status changes, and ends with its input."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from persistence.embedded import stop_server
from persistence.recorder import Recorder
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header

settings = StorageSettings("auto", data_dir=Path(sys.argv[1]))
recorder = Recorder(open_storage(settings, PLUGINS), header())
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
rows, said = 0, ""
while not over.wait(0.01):
    recorder.finished(finished(rows, 500))  # much, so that a COPY is nearly always on its way
    rows += 500
    status = recorder.status()
    now = status.problem or ("rows arrive" if status.rows_written else "")
    if now != said:
        print(now, flush=True)
        said = now
status = recorder.close()
stop_server(settings.data_dir)
print(status.rows_written, status.rows_pending, flush=True)
