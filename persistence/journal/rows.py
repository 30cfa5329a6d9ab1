"""Rows to CSV, once, in blocks: these very bytes go into the journal and from there through COPY.

pyarrow writes floats in their shortest form that reads back to the same bits (a test proves it), outside the
interpreter lock, at about 1 us a row in blocks of 1000. Texts are always quoted, so an unquoted empty field is NULL.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from engine.records import FinishedTasks, MetricSeries, placement_choices
from engine.training import TrainingSamples
from engine.workload import FloatArray, Workload
from persistence.schema import journal_columns

_OPTIONS = pa_csv.WriteOptions(include_header=False)
_LINE_BREAKS = str.maketrans("\r\n", "  ")


def timestamp(now: datetime | None = None) -> str:
    """Return the time as ``created_at`` holds it: UTC, microseconds, read by PostgreSQL as it is."""
    return f"{now or datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}+00"


def result_rows(blocks: Sequence[tuple[FinishedTasks, str]], device_ids: Sequence[str]) -> bytes:
    """Return finished tasks, each block with its ``created_at``, as lines of ``scheduler_results``."""
    records = [rows for rows, _ in blocks]
    return csv_lines(
        "scheduler_results",
        [
            _spread((rows.scheduler, len(rows)) for rows in records),
            _end_to_end([rows.task for rows in records]),
            _end_to_end([rows.arrival_s for rows in records]),
            _end_to_end([rows.start_s for rows in records]),
            _end_to_end([rows.finish_s for rows in records]),
            pa.concat_arrays([_placements(rows, device_ids) for rows in records]),
            _end_to_end([rows.gpu_fraction for rows in records]),
            _end_to_end([rows.energy_j for rows in records]),
            _end_to_end([rows.cost for rows in records]),
            _spread((created_at, len(rows)) for rows, created_at in blocks),
        ],
    )


def sample_rows(blocks: Sequence[tuple[str, TrainingSamples, str]]) -> bytes:
    """Return training samples, each block with its scheduler and ``created_at``, as lines of ``training_data``."""
    records = [rows for _, rows, _ in blocks]
    return csv_lines(
        "training_data",
        [
            _spread((scheduler, len(rows)) for scheduler, rows, _ in blocks),
            _end_to_end([rows.sample for rows in records]),
            _end_to_end([rows.completion for rows in records]),
            _end_to_end([rows.task for rows in records]),
            _end_to_end([rows.model for rows in records]),
            _end_to_end([rows.fraction for rows in records]),
            _end_to_end([rows.nominal_s for rows in records]),
            _end_to_end([rows.work_s for rows in records]),
            array_literals(np.concatenate([rows.features for rows in records])),
            _spread((created_at, len(rows)) for _, rows, created_at in blocks),
        ],
    )


def metric_rows(blocks: Sequence[tuple[MetricSeries, str]]) -> bytes:
    """Return metrics over time, each block with its ``created_at``, as lines of ``metrics``."""
    records = [series for series, _ in blocks]
    return csv_lines(
        "metrics",
        [
            _spread((series.scheduler, len(series.at_s)) for series in records),
            _spread((series.name, len(series.at_s)) for series in records),
            _end_to_end([np.arange(series.first, series.first + len(series)) for series in records]),
            _end_to_end([np.asarray(series.at_s, np.float64) for series in records]),
            _end_to_end([np.asarray(series.value, np.float64) for series in records]),
            _spread((created_at, len(series.at_s)) for series, created_at in blocks),
        ],
    )


def task_rows(workload: Workload, first: int, last: int, created_at: str) -> bytes:
    """Return the tasks ``first`` to ``last`` (excluded) as lines of ``tasks``. The true seconds stay hidden."""
    n = last - first
    part = slice(first, last)
    bounds = workload.parent_start[first : last + 1]
    parents = workload.parent_index[bounds[0] : bounds[-1]]
    return csv_lines(
        "tasks",
        [
            pa.array(np.arange(first, last)),
            pa.array(workload.arrival_s[part]),
            _texts(workload.names, part, n),
            _texts(workload.users, part, n),
            pa.array(workload.memory_gb[part]),
            pa.array(workload.transfer_gb[part]),
            pa.array(workload.slots[part]),
            pa.array(workload.divisible[part]),
            pa.nulls(n, pa.float64()) if workload.deadline_s is None else pa.array(workload.deadline_s[part]),
            array_literals(workload.etc_s[part]),
            array_literals(workload.features[part]),
            list_literals(pa.array(parents), bounds - bounds[0]),
            _spread([(created_at, n)]),
        ],
    )


def array_literals(matrix: FloatArray) -> Any:
    """Return each row as PostgreSQL writes an array: ``{0.5,1e+16}``."""
    n, k = matrix.shape
    return list_literals(
        pa.array(np.ascontiguousarray(matrix).ravel()), np.arange(0, (n + 1) * k, k) if k else np.zeros(n + 1)
    )


def _placements(rows: FinishedTasks, device_ids: Sequence[str]) -> Any:
    texts, row_text = placement_choices(rows, device_ids)
    return pa.array(texts, pa.string()).take(pa.array(row_text))


def list_literals(values: Any, bounds: Any) -> Any:
    """Return lists, of which ``bounds`` says where in ``values`` each begins and ends, as PostgreSQL writes arrays."""
    lists = pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), pc.cast(values, pa.string()))
    return pc.binary_join_element_wise("{", pc.binary_join(lists, ","), "}", "")


def csv_lines(table: str, columns: list[Any]) -> bytes:
    """Return columns, in the order of :func:`persistence.schema.journal_columns`, as lines."""
    out = io.BytesIO()
    pa_csv.write_csv(pa.Table.from_arrays(columns, names=journal_columns(table)), out, _OPTIONS)
    return out.getvalue()


def _end_to_end(parts: list[Any]) -> Any:
    return pa.array(parts[0] if len(parts) == 1 else np.concatenate(parts))


def _spread(blocks: Iterable[tuple[str, int]]) -> Any:
    texts, lengths = zip(*((text.translate(_LINE_BREAKS), n) for text, n in blocks), strict=True)
    return pa.array(texts, pa.string()).take(pa.array(np.repeat(np.arange(len(texts)), lengths)))


def _texts(values: Sequence[str] | None, part: slice, n: int) -> Any:
    if values is None:
        return pa.nulls(n, pa.string())
    # one row is one line: that is what makes a torn tail recognisable
    return pa.array([v.translate(_LINE_BREAKS) for v in values[part]], pa.string())
