"""What must hold of the rows of a run, beyond their types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from persistence.run import RunHeader
from persistence.schema import JOURNALED

_ENDLESS = ("nominal_s", "deadline_s", "value")
"""Columns that may hold infinity: a task that cannot run on a device model, one without a deadline."""


class Broken(Exception):
    """A row breaks a rule; ``row`` is its place in the block."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        self.reason = reason


class Rules:
    """Checks one table of a run; eight bytes a row are kept, to know that no row is there twice."""

    def __init__(self, table: str, header: RunHeader) -> None:
        self._table = table
        self._header = header
        self._numbers: dict[tuple[str, ...], list[Any]] = {}
        key = [column.name for column in JOURNALED[table].primary_key if column.name != "run"]
        self._owner, self._number = key[:-1], key[-1]

    def check(self, rows: Any) -> None:
        """Check a block of typed rows; raises :class:`Broken`."""
        for reason, well in (*self._finite(rows), *self._sizes(rows), *self._values(rows)):
            place = pc.index(well, False).as_py()
            if place >= 0:
                raise Broken(place, reason)
        self._remember(rows)

    def twice(self) -> str | None:
        """Return which row is there twice, None when there is none."""
        for owner, parts in self._numbers.items():
            numbers = np.sort(np.concatenate(parts))
            same = np.flatnonzero(numbers[1:] == numbers[:-1])
            if len(same):
                whose = f" of '{' '.join(owner)}'" if owner else ""
                return f"{self._number} {numbers[same[0]]}{whose} is there twice"
        return None

    def _finite(self, rows: Any) -> Iterator[tuple[str, Any]]:
        for field in rows.schema:
            if pa.types.is_floating(field.type):
                bad = _no_number(field.name, rows[field.name])
                yield f"{field.name} is no finite number", pc.fill_null(pc.invert(bad), True)
            elif pa.types.is_list(field.type) and pa.types.is_floating(field.type.value_type):
                values = rows[field.name].combine_chunks()
                flat = pc.list_flatten(values)
                bad = _no_number(field.name, flat)
                bad_rows = pc.filter(pc.list_parent_indices(values), bad).to_numpy()
                well = np.ones(len(rows), bool)
                well[bad_rows] = False
                yield f"{field.name} holds what is no finite number", pa.array(well)

    def _sizes(self, rows: Any) -> Iterator[tuple[str, Any]]:
        wanted = {"features": len(self._header.feature_names)}
        if self._table == "tasks":
            wanted["nominal_s"] = len(self._header.models)
        for name, size in wanted.items():
            if name in rows.schema.names:
                yield f"{name} needs {size} numbers, as run.json says", pc.equal(pc.list_value_length(rows[name]), size)

    def _values(self, rows: Any) -> Iterator[tuple[str, Any]]:
        names = rows.schema.names
        if "scheduler" in names:
            known = pa.array(self._header.schedulers, pa.string())
            yield "its scheduler is none of run.json", pc.is_in(rows["scheduler"], known)
        if "task" in names:
            yield f"task is not from 0 to {self._header.tasks - 1}", _within(rows["task"], 0, self._header.tasks)
        if self._table == "scheduler_results":
            in_order = pc.and_(
                pc.less_equal(rows["arrival_s"], rows["start_s"]), pc.less_equal(rows["start_s"], rows["finish_s"])
            )
            yield "it does not arrive, start and finish in this order", in_order
        if self._table == "training_data":
            yield "model is none of run.json", _within(rows["model"], 0, len(self._header.models))
            positive = pc.and_(pc.greater(rows["fraction"], 0), pc.greater(rows["work_s"], 0))
            yield "fraction and work_s must be above 0", positive

    def _remember(self, rows: Any) -> None:
        numbers = rows[self._number].to_numpy()
        if not self._owner:
            self._numbers.setdefault((), []).append(numbers)
            return
        owners = rows.group_by(self._owner).aggregate([]).to_pylist()
        for owner in owners:
            mask = np.ones(len(rows), bool)
            for name, text in owner.items():
                mask &= pc.equal(rows[name], text).to_numpy()
            self._numbers.setdefault(tuple(owner.values()), []).append(numbers[mask])


def _no_number(column: str, values: Any) -> Any:
    return pc.is_nan(values) if column in _ENDLESS else pc.invert(pc.is_finite(values))


def _within(values: Any, low: int, end: int) -> Any:
    return pc.and_(pc.greater_equal(values, low), pc.less(values, end))
