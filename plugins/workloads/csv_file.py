"""The workload CSV of SchedRace (resources/help/formats.md): one row a task, read as a stream."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError, TaskError, did_you_mean
from engine.workload import FloatArray, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import WorkloadPlugin, WorkloadRequest
from plugins.workloads.table import Problems, Table, number, open_table

ARRIVAL = "arrival_s"
TEXTS = ("id", "name", "user")
NUMBERS = ("memory_gb", "transfer_gb", "slots", "divisible", "deadline_s")
GRAPH = ("parents", "parents_gb")
MOST_SLOTS = 10_000_000
KNOWN = (ARRIVAL, *TEXTS, *NUMBERS, *GRAPH)


class CsvFile(WorkloadPlugin):
    """Any task list that a user has."""

    name = "csv_file"
    summary = "Your own tasks from a CSV file."
    explanation = (
        "One row a task: arrival_s and actual_<model>_s for each device model are required; etc_<model>_s, memory, "
        "transfers, slots, parents and more are optional; every other numeric column is a feature."
    )
    reads_files = True

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the file whole before anything starts; ``tasks`` takes the first rows, ``load`` stretches the gaps."""
        if request.path is None:
            raise InputError("The workload 'csv_file' reads a file; write csv_file:FILE.")
        tasks = read_workload(request.path, request.tasks)
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the header has arrival_s and an actual_<model>_s."""
        header = [cell.strip().strip('"') for cell in head.partition("\n")[0].split(",")]
        return ARRIVAL in header and any(_model(cell, "actual") for cell in header)


def _model(column: str, what: str) -> str:
    """Return ``gpu`` for ``actual_gpu_s``, else nothing."""
    prefix = f"{what}_"
    return column[len(prefix) : -2] if column.startswith(prefix) and column.endswith("_s") else ""


@dataclass(slots=True)
class _Columns:
    """The file's columns as they come in, and what is known of its header."""

    models: list[str]
    features: list[str]
    numbers: dict[str, array[float]]
    texts: dict[str, list[str]]
    lines: array[int] = field(default_factory=lambda: array("q"))


def read_workload(path: Path, tasks: int | None = None) -> Workload:
    """Return the tasks of a file, or the first ``tasks`` of them.

    Raises :class:`InputError` with line, column and reason of every bad cell (up to 20).
    """
    with open_table(path) as table:
        columns = _columns(table)
        read = _readers(table, columns)
        for line, cells in islice(table.rows(), tasks):
            columns.lines.append(line)
            for column, (at, append) in read.items():
                try:
                    append(cells[at])
                except ValueError as error:
                    table.problems.add(line, column, str(error))
        table.problems.refuse()
        if not columns.lines:
            raise InputError(f"'{path}' has a header but no tasks.")
        parents, parents_gb = _graph(columns, table.problems)
        table.problems.refuse()
    return _workload(path, columns, parents, parents_gb, tasks)


def _columns(table: Table) -> _Columns:
    header = table.header
    models = [model for column in header if (model := _model(column, "actual"))]
    if ARRIVAL not in header:
        raise InputError(f"'{table.path}' has no column '{ARRIVAL}'.{_similar(ARRIVAL, header)}")
    if not models:
        raise InputError(f"'{table.path}' has no times: it needs a column actual_<model>_s, such as actual_cpu_s.")
    for column in header:
        model = _model(column, "etc")
        if model and model not in models:
            raise InputError(
                f"'{table.path}' has {column} but no actual_{model}_s.{did_you_mean(model, models)} "
                "Every device model needs its actual times."
            )
    if "parents" in header and "id" not in header:
        raise InputError(f"'{table.path}' has parents but no column 'id' that they could name.")
    if "parents_gb" in header and "parents" not in header:
        raise InputError(f"'{table.path}' has parents_gb but no column 'parents'.")
    times = {f"{what}_{model}_s" for what in ("actual", "etc") for model in models}
    features = [column for column in header if column not in KNOWN and column not in times]
    texts = {column: list[str]() for column in header if column in (*TEXTS, *GRAPH)}
    numbers = {column: array("d") for column in header if column not in texts}
    return _Columns(models, features, numbers, texts)


def _similar(word: str, header: list[str]) -> str:
    close = get_close_matches(word, header, n=1)
    return f" Is it '{close[0]}'?" if close else " It is the second at which each task arrives."


def _readers(table: Table, columns: _Columns) -> dict[str, tuple[int, Callable[[str], None]]]:
    """Return for each column its place in a row and the function that takes its cell over."""
    readers: dict[str, tuple[int, Callable[[str], None]]] = {}
    for at, column in enumerate(table.header):
        if column in columns.texts:
            append_text = columns.texts[column].append
            readers[column] = (at, lambda cell, append=append_text: append(cell.strip()))  # type: ignore[misc]
        else:
            readers[column] = (at, _number_reader(column, columns))
    return readers


def _number_reader(column: str, columns: _Columns) -> Callable[[str], None]:
    """Empty cells of optional columns take the default; those of times, arrivals and features are problems."""
    values = columns.numbers[column]
    is_time = bool(_model(column, "actual") or _model(column, "etc")) and column not in columns.features
    rules: dict[str, Any] = {}
    if is_time:
        rules = {"low": 0.0, "above": True, "infinite": True}
    elif column in KNOWN:
        rules = {"low": 0.0, "infinite": column == "deadline_s"}
    default = {"slots": 1.0, "deadline_s": math.inf}.get(column, 0.0)

    def read(cell: str) -> None:
        # the row is refused later when a cell is bad; its place is kept all the same
        values.append(default)
        if cell.strip() or column not in NUMBERS:
            values[-1] = _checked(column, number(cell, **rules))

    return read


def _checked(column: str, value: float) -> float:
    if column == "slots" and not (1 <= value <= MOST_SLOTS and value.is_integer()):
        raise ValueError(f"{value:g} slots; it must be a whole number from 1 to {MOST_SLOTS:,}")
    if column == "divisible" and value not in (0.0, 1.0):
        raise ValueError(f"{value:g}; it must be 0 or 1")
    return value


def _graph(columns: _Columns, problems: Problems) -> tuple[list[list[int]] | None, list[list[float]] | None]:
    """Return the parents of every task as row numbers, and the GB on each edge."""
    if "parents" not in columns.texts:
        return None, None
    position: dict[str, int] = {}
    for i, name in enumerate(columns.texts["id"]):
        if not name:
            problems.add(columns.lines[i], "id", "is empty")
        elif name in position:
            problems.add(columns.lines[i], "id", f"'{name}' is the id of line {columns.lines[position[name]]} too")
        else:
            position[name] = i
    parents = [
        list(_parents(cell, columns.lines[i], position, problems)) for i, cell in enumerate(columns.texts["parents"])
    ]
    if "parents_gb" not in columns.texts:
        return parents, None
    cells = columns.texts["parents_gb"]
    return parents, [_sizes(cells[i], len(row), columns.lines[i], problems) for i, row in enumerate(parents)]


def _parents(cell: str, line: int, position: dict[str, int], problems: Problems) -> Iterator[int]:
    for name in cell.split():
        if name in position:
            yield position[name]
        else:
            problems.add(line, "parents", f"there is no task with the id '{name}' among those read")


def _sizes(cell: str, count: int, line: int, problems: Problems) -> list[float]:
    try:
        sizes = [number(text, low=0.0) for text in cell.split()]
    except ValueError as error:
        problems.add(line, "parents_gb", str(error))
        return [0.0] * count
    if sizes and len(sizes) != count:
        problems.add(line, "parents_gb", f"has {len(sizes)} sizes for {count} parents")
    return sizes or [0.0] * count


def _workload(
    path: Path,
    columns: _Columns,
    parents: list[list[int]] | None,
    parents_gb: list[list[float]] | None,
    tasks: int | None,
) -> Workload:
    numbers = columns.numbers
    actual = _matrix([numbers[f"actual_{model}_s"] for model in columns.models])
    etc = _matrix([numbers.get(f"etc_{m}_s", numbers[f"actual_{m}_s"]) for m in columns.models])
    given = {column: np.array(numbers[column]) for column in NUMBERS if column in numbers}
    names = columns.texts.get("name") or columns.texts.get("id")
    try:
        return workload(
            path.stem,
            columns.models,
            numbers[ARRIVAL],
            actual,
            etc_s=etc,
            features=_matrix([numbers[column] for column in columns.features]) if columns.features else None,
            feature_names=columns.features,
            parents=parents,
            parents_gb=parents_gb,
            users=columns.texts.get("user"),
            names=names,
            notes=_notes(columns, tasks),
            **given,
        )
    except TaskError as error:
        raise InputError(f"'{path}', {_place(columns, error.task)}: {error}") from error


def _place(columns: _Columns, task: int) -> str:
    """Return where a task is in the file, and which id it has there."""
    ids = columns.texts.get("id")
    line = f"line {columns.lines[task]}"
    return f"{line} (id '{ids[task]}')" if ids else line


def _matrix(columns: list[array[float]]) -> FloatArray:
    return np.column_stack([np.array(column) for column in columns])


def _notes(columns: _Columns, tasks: int | None) -> list[str]:
    notes = []
    unknown = [model for model in columns.models if f"etc_{model}_s" not in columns.numbers]
    if unknown:
        notes.append(
            f"The file has no etc_{unknown[0]}_s{' and others' if len(unknown) > 1 else ''}: schedulers know the "
            f"actual times on {', '.join(unknown)} from the start, so there is nothing to learn there."
        )
    for feature in columns.features:
        close = get_close_matches(feature, KNOWN, n=1, cutoff=0.8)
        if close:
            notes.append(f"Column '{feature}' is taken as a feature; should it be '{close[0]}'?")
    if tasks is not None and tasks > len(columns.lines):
        notes.append(f"The file has {len(columns.lines)} tasks; you asked for {tasks}.")
    return notes
