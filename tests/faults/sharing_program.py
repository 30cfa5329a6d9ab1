"""One of several that record on one own PostgreSQL: says to what its status changes and when, ends with its input."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from persistence.embedded.keeper import stop_server
from persistence.recording.recorder import Recorder
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header

settings = StorageSettings("auto", data_dir=Path(sys.argv[1]))
recorder = Recorder(open_storage(settings, PLUGINS), header())
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
rows, said = 0, ""
while not over.wait(0.01):
    recorder.finished(finished(rows, 200))  # many, so that a COPY is often on its way
    rows += 200
    status = recorder.status()
    now = status.problem or ("rows arrive" if status.rows_written else "")
    if now != said:
        print(time.monotonic(), now, flush=True)
        said = now
status = recorder.close()
stop_server(settings.data_dir)
print(status.rows_written, status.rows_pending, flush=True)
