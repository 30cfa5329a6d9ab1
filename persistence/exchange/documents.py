"""run.json, race.toml and result.json of a folder that somebody else may have written."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import InputError
from persistence.exchange.places import shown, wrong
from persistence.figures import summary_row
from persistence.run import RunHeader

_LARGEST_BYTES = 16 << 20
_RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")  # in ASCII, so that none of them leads out of a folder
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # what a terminal would obey
_HEADER = {
    **dict.fromkeys(("run", "started_at", "app_version", "workload", "cluster"), str),
    **dict.fromkeys(("seed", "tasks"), int),
    **dict.fromkeys(("schedulers", "device_ids", "models", "feature_names"), list),
}
_INT64 = 1 << 63


def read_header(folder: Path) -> RunHeader:
    """Return what run.json and race.toml say; raises :class:`InputError`."""
    path, race = folder / "run.json", folder / "race.toml"
    if folder.is_dir() and not path.exists():
        inside = next(folder.glob("*/run.json"), None)
        hint = f" Name the folders in it, as '{inside.parent}'." if inside else ""
        raise InputError(f"'{folder}' holds no exported run: it has no run.json.{hint} Nothing was imported.")
    table = _object(path)
    if table.keys() != _HEADER.keys():
        odd = sorted(table.keys() ^ _HEADER.keys())
        raise wrong(path, f"it has other keys than those of a run: {shown(', '.join(odd))}")
    for name, kind in _HEADER.items():
        if type(table[name]) is not kind or (kind is list and not all(type(v) is str for v in table[name])):
            raise wrong(path, f"{name} is {shown(json.dumps(table[name]))}, which it cannot be")
    text = small_text(race)
    try:
        if any(_CONTROL.search(value) for value in _texts(tomllib.loads(text))):
            raise wrong(race, "a text in it has control characters")
        header = RunHeader.from_json(json.dumps(table), text)
    except tomllib.TOMLDecodeError as error:
        raise wrong(race, f"it is not TOML: {shown(error)}") from error
    except ValueError as error:
        raise wrong(path, shown(error)) from error
    if problem := _header_problem(header):
        raise wrong(path, problem)
    return header


def read_result(folder: Path, header: RunHeader) -> dict[str, Any] | None:
    """Return what result.json says, None where there is none; raises :class:`InputError`."""
    path = folder / "result.json"
    if not path.exists():
        return None
    result = _object(path)
    try:
        problem = _result_problem(result, header)
    except KeyError as error:
        problem = f"it lacks {shown(error)}"
    except (ValueError, TypeError, AttributeError) as error:
        problem = f"it is no result of a race ({shown(error)})"
    if problem:
        raise wrong(path, problem)
    return result


def small_text(path: Path) -> str:
    """Return the text of a file that cannot be large; raises :class:`InputError`, also where it is a pipe."""
    try:
        if not path.is_file():
            raise wrong(path, "it is no plain file" if path.exists() else "it is not there")
        if path.stat().st_size > _LARGEST_BYTES:
            raise wrong(path, "it is far larger than such a file can be")
        text = path.read_text("utf-8")
    except OSError as error:
        raise wrong(path, f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise wrong(path, "it is not UTF-8") from error
    if "\0" in text:
        raise wrong(path, "it holds a zero byte")
    return text


def _header_problem(header: RunHeader) -> str | None:
    names = (header.run, header.app_version, header.workload, header.cluster)
    lists = (header.schedulers, header.device_ids, header.models, header.feature_names)
    if not _RUN_ID.fullmatch(header.run):
        return f"'{shown(header.run)}' is no run id, which looks like 20261126-115321-a6527d"
    if header.started_at.tzinfo is None:
        return "started_at has no time zone"
    if not 0 < header.tasks < _INT64 or not -_INT64 <= header.seed < _INT64:
        return "tasks or seed is out of range"
    if not header.schedulers or len(set(header.schedulers)) < len(header.schedulers):
        return "schedulers must be names, each once"
    if any(_CONTROL.search(text) for text in (*names, *(text for each in lists for text in each))):
        return "a name has control characters"
    return None


def _result_problem(result: dict[str, Any], header: RunHeader) -> str | None:
    if result["status"] not in ("finished", "stopped"):
        return f"status is {shown(result['status'])}"
    if datetime.fromisoformat(result["finished_at"]).tzinfo is None:
        return "finished_at has no time zone"
    if type(result["digest"]) is not str or _CONTROL.search(result["digest"]):
        return "digest is no text"
    names = [row["name"] for row in result["schedulers"]]
    if len(set(names)) < len(names) or set(names) - set(header.schedulers):
        return "it has schedulers that did not race"
    for row in result["schedulers"]:
        for name, value in summary_row(header.run, row).items():
            if not _is_figure(name, value):
                return f"{name} of '{row['name']}' is {shown(json.dumps(value))}"
    return None


def _is_figure(name: str, value: object) -> bool:
    if name in ("run", "scheduler", "status"):
        return type(value) is str and not _CONTROL.search(value)
    if name in ("reason", "digest"):
        return value is None or (type(value) is str and not _CONTROL.search(value.replace("\n", "")))
    if name == "tasks":
        return type(value) is int and 0 <= value < _INT64
    return value is None or (type(value) in (int, float) and math.isfinite(float(value)))  # type: ignore[arg-type]


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts of a TOML document, its keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(small_text(path), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise wrong(path, f"it is not JSON: {shown(error)}") from error
    if not isinstance(value, Mapping):
        raise wrong(path, "it is no JSON object")
    return dict(value)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
