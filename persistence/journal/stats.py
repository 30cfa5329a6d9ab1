"""The same statistics as the database's, from a journal alone."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from persistence.errors import JournalError
from persistence.figures import SchedulerStats
from persistence.journal.files import JournalReader
from persistence.schema import journal_columns

_TABLE = "scheduler_results"


def journal_stats(journal: JournalReader) -> list[SchedulerStats]:
    """Return how each scheduler of a run did, fastest mean response first."""
    first = journal.first(_TABLE)
    end = journal.sizes().get(_TABLE, first)
    if end == first:
        if not journal.folder.exists():
            raise JournalError(f"There is no journal of the run '{journal.run}' in {journal.folder.parent}.")
        return []
    table = pa_csv.read_csv(
        io.BytesIO(journal.read(_TABLE, first, end, end - first)),
        read_options=pa_csv.ReadOptions(column_names=journal_columns(_TABLE)),
    )
    stats = []
    for scheduler in pc.unique(table["scheduler"]).to_pylist():
        rows = table.filter(pc.equal(table["scheduler"], scheduler))
        column = {name: rows[name].to_numpy().astype(np.float64) for name in _NUMBERS}
        response_s = column["finish_s"] - column["arrival_s"]
        p50, p95, p99 = np.percentile(response_s, [50, 95, 99]).tolist()
        stats.append(
            SchedulerStats(
                scheduler=scheduler,
                tasks=len(rows),
                mean_response_s=float(response_s.mean()),
                p50_response_s=p50,
                p95_response_s=p95,
                p99_response_s=p99,
                mean_wait_s=float((column["start_s"] - column["arrival_s"]).mean()),
                energy_j=float(column["energy_j"].sum()),
                cost=float(column["cost"].sum()),
                gpu_fraction=float(column["gpu_fraction"].mean()),
            )
        )
    return sorted(stats, key=lambda row: row.mean_response_s)


_NUMBERS = ("arrival_s", "start_s", "finish_s", "gpu_fraction", "energy_j", "cost")
