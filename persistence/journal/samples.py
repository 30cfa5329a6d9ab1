"""The rows of ``training_data`` in a journal, as a table and as samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from engine.training import TrainingSamples
from persistence.journal.columns import undamaged
from persistence.journal.reader import JournalReader
from persistence.schema import journal_columns

TABLE = "training_data"
TAIL_BYTES = 256 * 1024
"""About the 1000 rows that are usually asked for."""
_EPOCH_US = 946_684_800_000_000  # 2000-01-01, from where PostgreSQL counts its microseconds
_NUMBERS = {
    **dict.fromkeys(("sample", "completion", "task", "model"), pa.int64()),
    **dict.fromkeys(("fraction", "nominal_s", "work_s"), pa.float64()),
}
_TYPES = {**_NUMBERS, **dict.fromkeys(("scheduler", "features", "created_at"), pa.string())}


def sample_table(journal: JournalReader, start: int, end: int, whole: bool) -> Any:
    """Return the rows between two bytes as a ``pyarrow.Table``; unless ``whole``, the first line is cut: left out.

    Raises :class:`persistence.errors.JournalError` when there is a line that is no row.
    """
    data = journal.read(TABLE, start, end, end - start) if end > start else b""
    if not whole:
        data = data[data.find(b"\n") + 1 :]
    if not data:
        return pa.schema(list(_TYPES.items())).empty_table()
    with undamaged(journal, TABLE):
        return pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=journal_columns(TABLE), use_threads=False),
            convert_options=pa_csv.ConvertOptions(column_types=_TYPES),
        )


def as_samples(table: Any) -> TrainingSamples:
    """Return the rows of such a table as samples."""
    texts = table["features"].to_pylist()
    values = [text[1:-1].split(",") if len(text) > 2 else [] for text in texts]
    columns = {name: table[name].to_numpy() for name in _NUMBERS}
    return TrainingSamples(
        **columns, features=np.array(values, dtype=np.float64).reshape(len(texts), -1 if texts else 0)
    )


def created_at_us(texts: Any) -> Any:
    """Return times as a journal holds them as PostgreSQL counts them: microseconds since 2000 (numpy)."""
    times = pc.cast(pc.utf8_slice_codeunits(texts, 0, 26), pa.timestamp("us"))
    return pc.subtract(pc.cast(times, pa.int64()), _EPOCH_US).to_numpy(zero_copy_only=False)
