"""Records results as a race at full speed does; prints a JSON object of how fast they arrived in the database.

``python -m tests.benchmarks.writing_program FOLDER URL ROWS`` says ``ready`` and begins when its input says so.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from persistence.recording.recorder import Recorder
from persistence.settings import StorageSettings
from persistence.storage import open_storage
from tests.persistence.records import PLUGINS, finished, header

HAND_OVER = 1_000


def main() -> None:
    folder, url, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    settings = StorageSettings("postgresql", data_dir=Path(folder)).with_url(url, "the test")
    blocks = [finished(first, HAND_OVER) for first in range(0, rows, HAND_OVER)]
    recorder = Recorder(open_storage(settings, PLUGINS), header(rows))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    for block in blocks:
        recorder.finished(block)
    status = recorder.close(120.0)
    seconds = time.perf_counter() - began
    answer = {"seconds": seconds, "written": status.rows_written, "retries": status.retries, "problem": status.problem}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
