"""A race that never ends, for tests that kill it: says on its output how many rows are safe in the journal."""

from __future__ import annotations

import sys
from pathlib import Path

from persistence.recording.recorder import Recorder
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header

settings = StorageSettings("postgresql", data_dir=Path(sys.argv[1])).with_url(sys.argv[2], "the test")
recorder = Recorder(open_storage(settings, PLUGINS), header())
first = 0
while True:
    for _ in range(5):
        recorder.finished(finished(first, 40))
        first += 40
        recorder.state(first, first / 10)
    recorder.sync()
    print(first, flush=True)
