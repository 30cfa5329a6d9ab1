"""The last samples of a scheduler out of a whole CSV file with pandas, run by the peers' Python: JSON on stdin, JSON on
stdout.

In: ``path``, ``scheduler`` and ``limit``. Out: ``seconds`` of reading, and the ``samples`` that were found, by number.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd

COLUMNS = ["scheduler", "sample", "completion", "task", "model", "fraction", "nominal_s", "work_s", "features"]


def main() -> None:
    """Read the one file that stdin names."""
    asked = json.load(sys.stdin)
    began = time.perf_counter()
    rows = pd.read_csv(asked["path"], usecols=COLUMNS)
    last = rows[rows["scheduler"] == asked["scheduler"]].tail(asked["limit"])
    features = np.array([text[1:-1].split(",") for text in last["features"]], dtype=float)
    columns = [last[name].to_numpy() for name in COLUMNS[1:-1]]
    seconds = time.perf_counter() - began
    assert len(features) == len(columns[0])
    print(json.dumps({"seconds": seconds, "samples": columns[0].tolist()}))


if __name__ == "__main__":
    main()
