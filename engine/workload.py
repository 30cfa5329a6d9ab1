"""Tasks as columns: what is known about them, and (kept apart) how long they truly take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InputError, TaskError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

SHORTEST_S = 1e-12
"""A task shorter than a picosecond makes rates that no number can hold."""
SHORTEST_S = 1e-12
"""A task shorter than a picosecond makes rates that no number can hold."""
LONGEST_S = 1e15
"""Seconds beyond this (30 million years) lose the fractions of a second in sums, and their squares overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """n tasks as numpy columns; build one with :func:`workload`, which fills the defaults and checks.

    ``etc_s`` (n x m, seconds per device model) is what may be known, inf where a task cannot run;
    ``actual_s`` (n x m) is the hidden truth and ``law_s`` the truth without its noise, where the workload knows it.
    Parents are CSR: those of task i are ``parent_index[parent_start[i]:parent_start[i + 1]]``, with ``parent_gb`` of
    data on each edge. ``notes`` says what a reader had to assume.
    """

    name: str
    models: tuple[str, ...]
    arrival_s: FloatArray
    etc_s: FloatArray
    actual_s: FloatArray
    law_s: FloatArray | None
    features: FloatArray
    feature_names: tuple[str, ...]
    memory_gb: FloatArray
    transfer_gb: FloatArray
    slots: IntArray
    divisible: BoolArray
    parent_start: IntArray
    parent_index: IntArray
    parent_gb: FloatArray
    deadline_s: FloatArray | None
    users: tuple[str, ...] | None
    names: tuple[str, ...] | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.arrival_s)

    @property
    def has_parents(self) -> bool:
        """Whether any task waits for another one (a DAG)."""
        return len(self.parent_index) > 0


def workload(
    name: str,
    models: Sequence[str],
    arrival_s: ArrayLike,
    actual_s: ArrayLike,
    *,
    etc_s: ArrayLike | None = None,
    law_s: ArrayLike | None = None,
    features: ArrayLike | None = None,
    feature_names: Sequence[str] = (),
    memory_gb: ArrayLike = 0.0,
    transfer_gb: ArrayLike = 0.0,
    slots: ArrayLike = 1,
    divisible: ArrayLike = False,
    parents: Sequence[Sequence[int]] | None = None,
    parents_gb: Sequence[Sequence[float]] | None = None,
    deadline_s: ArrayLike | None = None,
    users: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> Workload:
    """Build a checked :class:`Workload` of n tasks and m device models; scalars are spread over all tasks.

    ``parents[i]`` holds the indices of the tasks that task i waits for, ``parents_gb[i]`` the GB on each edge (0 if
    absent). Raises :class:`InputError` naming the first task and the column at fault.
    """
    arrival = np.array(arrival_s, dtype=np.float64)
    n, m = len(arrival), len(models)
    start, index, gb = _csr(n, parents, parents_gb)
    actual = _matrix(actual_s, n, m, "actual")
    result = Workload(
        name=name,
        models=tuple(models),
        arrival_s=arrival,
        etc_s=actual.copy() if etc_s is None else _matrix(etc_s, n, m, "etc"),
        actual_s=actual,
        law_s=None if law_s is None else _matrix(law_s, n, m, "law"),
        features=_features(features, n, len(feature_names)),
        feature_names=tuple(feature_names),
        memory_gb=_column(memory_gb, n, np.float64, "memory_gb"),
        transfer_gb=_column(transfer_gb, n, np.float64, "transfer_gb"),
        slots=_column(slots, n, np.int64, "slots"),
        divisible=_column(divisible, n, np.bool_, "divisible"),
        parent_start=start,
        parent_index=index,
        parent_gb=gb,
        deadline_s=None if deadline_s is None else _column(deadline_s, n, np.float64, "deadline_s"),
        users=None if users is None else tuple(users),
        names=None if names is None else tuple(names),
        notes=tuple(notes),
    )
    _check(result)
    for column in (getattr(result, field) for field in Workload.__slots__):
        if isinstance(column, np.ndarray):
            column.flags.writeable = False
    return result


def _csr(
    n: int, parents: Sequence[Sequence[int]] | None, gb: Sequence[Sequence[float]] | None
) -> tuple[IntArray, IntArray, FloatArray]:
    if parents is None:
        return np.zeros(n + 1, np.int64), np.zeros(0, np.int64), np.zeros(0)
    if len(parents) != n:
        raise InputError(f"There are {n} tasks but {len(parents)} lists of parents.")
    start = np.concatenate([[0], np.cumsum([len(p) for p in parents])]).astype(np.int64)
    index = np.array([p for row in parents for p in row], dtype=np.int64)
    if gb is None:
        return start, index, np.zeros(len(index))
    for i, (row, sizes) in enumerate(zip(parents, gb, strict=True)):
        if len(row) != len(sizes):
            raise InputError(f"Task {i} has {len(row)} parents but {len(sizes)} sizes in parents_gb.")
    return start, index, np.array([s for row in gb for s in row], dtype=np.float64)


def _column(values: ArrayLike, n: int, kind: type, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.array(values, dtype=kind)
    if array.ndim == 0:
        return np.full(n, array)
    if array.shape != (n,):
        raise InputError(f"Column {name} has {array.shape} values for {n} tasks.")
    return array


def _matrix(values: ArrayLike, n: int, m: int, name: str) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    if array.shape != (n, m):
        raise InputError(f"The {name} matrix is {array.shape}, but there are {n} tasks and {m} device models.")
    return array


def _features(values: ArrayLike | None, n: int, k: int) -> FloatArray:
    if values is None:
        return np.zeros((n, 0))
    return _matrix(values, n, k, "feature")


def _first(bad: NDArray[Any] | np.bool_) -> int:
    return int(np.argmax(bad))


def _check(w: Workload) -> None:
    if len(w) == 0:
        raise InputError(f"Workload '{w.name}' has no tasks.")
    for name, column in (("arrival_s", w.arrival_s), ("memory_gb", w.memory_gb), ("transfer_gb", w.transfer_gb)):
        bad = ~np.isfinite(column) | (column < 0)
        if bad.any():
            i = _first(bad)
            raise TaskError(i, f"Task {i} of '{w.name}': {name} is {column[i]}; it must be 0 or more.")
    for name, matrix in (("etc", w.etc_s), ("actual", w.actual_s), ("law", w.law_s)):
        if matrix is None:
            continue
        wrong = np.isnan(matrix) | (matrix <= 0)
        if wrong.any():
            i, j = (int(at) for at in np.argwhere(wrong)[0])
            raise TaskError(
                i,
                f"Task {i} of '{w.name}': {name} seconds on {w.models[j]} are {matrix[i, j]}; they must be above 0 "
                "(inf where the task cannot run).",
            )
    for name, values in (("arrival_s", w.arrival_s), ("etc", w.etc_s), ("actual", w.actual_s)):
        beyond = np.isfinite(values) & (values > LONGEST_S)
        if beyond.any():
            i = _first(beyond.reshape(len(w), -1).any(axis=1))
            raise TaskError(i, f"Task {i} of '{w.name}': {name} is above {LONGEST_S:g} s, too long to be added up.")
    for name, values in (("etc", w.etc_s), ("actual", w.actual_s)):
        below = (values < SHORTEST_S).any(axis=1)
        if below.any():
            i = _first(below)
            raise TaskError(i, f"Task {i} of '{w.name}': {name} is below {SHORTEST_S:g} s, too short for any task.")
    nowhere = np.all(np.isinf(w.actual_s), axis=1)
    if nowhere.any():
        i = _first(nowhere)
        raise TaskError(i, f"Task {i} of '{w.name}' can run on no device model.")
    differs = (np.isinf(w.actual_s) != np.isinf(w.etc_s)).any(axis=1)
    if differs.any():
        i = _first(differs)
        raise TaskError(
            i,
            f"Task {i} of '{w.name}' has nominal seconds where it has no true ones, or the reverse; a device model "
            "that cannot run it is inf in both.",
        )
    if (w.slots < 1).any():
        i = _first(w.slots < 1)
        raise TaskError(i, f"Task {i} of '{w.name}' asks for {w.slots[i]} slots; it needs at least 1.")
    if not np.isfinite(w.features).all():
        i, j = (int(at) for at in np.argwhere(~np.isfinite(w.features))[0])
        raise TaskError(i, f"Task {i} of '{w.name}': feature {w.feature_names[j]} is not a number.")
    _check_parents(w)


def _check_parents(w: Workload) -> None:
    n = len(w)
    outside = (w.parent_index < 0) | (w.parent_index >= n)
    if outside.any():
        child = int(np.searchsorted(w.parent_start, _first(outside), side="right")) - 1
        raise TaskError(
            child, f"Task {child} of '{w.name}' has parent {w.parent_index[_first(outside)]}, which does not exist."
        )
    waiting = np.diff(w.parent_start)
    children = children_of(w)
    free = [int(i) for i in np.flatnonzero(waiting == 0)]
    done = 0
    left = waiting.copy()
    while free:
        done += 1
        for child in children[free.pop()]:
            left[child] -= 1
            if left[child] == 0:
                free.append(child)
    if done < n:
        i = _on_a_circle(w, left > 0)
        raise TaskError(i, f"The parents in '{w.name}' form a circle through task {i}; a DAG has none.")


def _on_a_circle(w: Workload, unfinished: BoolArray) -> int:
    """Return a task of a circle: the unfinished ones also hold its descendants, but each has an unfinished parent."""
    task, seen = _first(unfinished), set[int]()
    while task not in seen:
        seen.add(task)
        parents = w.parent_index[w.parent_start[task] : w.parent_start[task + 1]]
        task = int(parents[_first(unfinished[parents])])
    return task


def children_of(w: Workload) -> list[list[int]]:
    """Return for each task the indices of the tasks that wait for it, in task order."""
    children: list[list[int]] = [[] for _ in range(len(w))]
    if w.has_parents:
        owner = np.repeat(np.arange(len(w)), np.diff(w.parent_start))
        for parent, child in zip(w.parent_index.tolist(), owner.tolist(), strict=True):
            children[parent].append(child)
    return children
