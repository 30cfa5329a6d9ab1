"""What a case is, and cases from TOML (resources/help/verify.md)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from app.race_file import anchored
from app.verify.figures import FIGURES
from app.verify.formula import names_in
from engine.errors import InputError, did_you_mean

MOST_REPLICATIONS = 1000
Row = tuple[str, str, float, float]
"""One line of a schedule: task, device, start and finish second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A published figure and the race that shall give it.

    ``workload`` is ``NAME``, ``FILE`` or ``NAME:FILE``, the file being looked for below the data folder; or ``csv``
    holds the tasks themselves. ``cluster`` is a name, or ``devices`` the tables of a cluster file. ``metric`` is a
    formula over :data:`app.verify.figures.FIGURES`; its mean over ``windows`` (each so many tasks to pass over), where
    there are any, must lie within ``tolerance`` of ``expected``. With ``replications`` (seeds 0, 1, ...) ``expected``
    must lie in the 99 % interval of their mean. ``schedule``, where given, must be met line by line.
    """

    id: str
    source: str
    scheduler: str
    metric: str
    expected: float
    title: str = ""
    workload: str = ""
    workload_params: Mapping[str, Any] = field(default_factory=dict)
    csv: str = ""
    cluster: str = "default"
    devices: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tasks: int | None = None
    load: float | None = None
    seed: int = 0
    windows: tuple[int, ...] = ()
    replications: int = 1
    tolerance: float = 0.0
    schedule: tuple[Row, ...] = ()
    data_from: str = ""


_TEXTS = ("id", "source", "scheduler", "metric", "title", "workload", "csv", "data_from")
_NUMBERS = ("expected", "load", "tolerance")
_WHOLE = ("tasks", "seed", "replications")
_KNOWN = tuple(f.name for f in fields(Case) if f.name != "devices")


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file; a workload or cluster file that they name may be beside it.

    Raises :class:`InputError` with the file, the case and the key at fault.
    """
    try:
        cases = parse_cases(path.read_text(encoding="utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"The case file '{path}' is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"The case file '{path}' cannot be read: {error.strerror}. Check the path.") from error
    return [
        replace(case, workload=anchored(case.workload, path.parent), cluster=anchored(case.cluster, path.parent))
        for case in cases
    ]


def parse_cases(text: str, where: str) -> list[Case]:
    """Return the ``[[case]]`` tables of a TOML text; ``where`` names the file in errors."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The case file '{where}' is not TOML: {error}.") from error
    for key in document:
        if key != "case":
            raise InputError(f"'{where}' has an unknown key '{key}'; cases are tables headed [[case]].")
    tables = document.get("case")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"'{where}' has no case; write at least one table headed [[case]].")
    cases = [_case(f"'{where}', {_called(table, n)}", table) for n, table in enumerate(tables, 1)]
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise InputError(f"'{where}' has two cases called '{case.id}'; each id must be unique.")
        seen.add(case.id)
    return cases


def with_own(published: Sequence[Case], own: Sequence[Case]) -> list[Case]:
    """Return both, the user's own after the published ones; raise :class:`InputError` when an id is taken."""
    taken = {case.id for case in published}
    for case in own:
        if case.id in taken:
            raise InputError(f"A published case is called '{case.id}' too; give yours another id.")
    return [*published, *own]


def _called(table: Mapping[str, Any], number: int) -> str:
    return f"case '{table['id']}'" if isinstance(table.get("id"), str) else f"case number {number}"


def _case(at: str, table: Mapping[str, Any]) -> Case:
    for key in table:
        if key not in _KNOWN:
            raise InputError(f"{at} has an unknown key '{key}'.{did_you_mean(key, _KNOWN)}")
    for key in ("id", "source", "scheduler", "metric", "expected"):
        if key not in table:
            raise InputError(f"{at} has no {key}.")
    if ("workload" in table) == ("csv" in table):
        raise InputError(f"{at} needs either a workload or csv, the tasks themselves.")
    values: dict[str, Any] = {key: _text(at, key, table[key]) for key in _TEXTS if key in table}
    values |= {key: _number(at, key, table[key]) for key in _NUMBERS if key in table}
    values |= {key: _whole(at, key, table[key]) for key in _WHOLE if key in table}
    values |= {key: _table(at, key, table[key]) for key in ("workload_params", "params") if key in table}
    values |= _cluster(at, table)
    if "windows" in table:
        values["windows"] = tuple(_whole(at, "windows", skip) for skip in _list(at, "windows", table["windows"]))
    if "schedule" in table:
        values["schedule"] = tuple(_row(at, row) for row in _list(at, "schedule", table["schedule"]))
    case = Case(**values)
    _check(at, case)
    return case


def _check(at: str, case: Case) -> None:
    if case.tolerance < 0:
        raise InputError(f"{at}: tolerance is {case.tolerance}; it must be 0 or more.")
    if not 1 <= case.replications <= MOST_REPLICATIONS:
        raise InputError(f"{at}: replications is {case.replications}; it must be from 1 to {MOST_REPLICATIONS}.")
    if case.replications > 1 and (case.windows or case.tolerance or case.schedule):
        raise InputError(
            f"{at}: replications give an interval of their own; leave windows, tolerance and schedule out."
        )
    for name in names_in(case.metric):
        if name not in FIGURES:
            raise InputError(f"{at}: there is no figure '{name}'.{did_you_mean(name, FIGURES)}")


def _cluster(at: str, table: Mapping[str, Any]) -> dict[str, Any]:
    cluster = table.get("cluster", "default")
    if isinstance(cluster, dict):
        return {"devices": cluster, "cluster": ""}
    return {"cluster": _text(at, "cluster", cluster)}


def _row(at: str, row: Any) -> Row:
    match row:
        case [str() as task, str() as device, int() | float() as start_s, int() | float() as finish_s]:
            return task, device, float(start_s), float(finish_s)
    raise InputError(f'{at}: a line of the schedule is {row!r}; write ["task", "device", start, finish].')


def _text(at: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{at}: {key} is {value!r}; it must be a text in quotes.")
    return value


def _number(at: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{at}: {key} is {value!r}; it must be a number.")
    return float(value)


def _whole(at: str, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{at}: {key} has {value!r}; it must be a whole number of 0 or more.")
    return value


def _list(at: str, key: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{at}: {key} must be a list that is not empty.")
    return value


def _table(at: str, key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(v, bool | int | float | str) for v in value.values()):
        raise InputError(f"{at}: {key} must be a table of numbers, texts and true/false.")
    return value
