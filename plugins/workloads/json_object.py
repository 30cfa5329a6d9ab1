"""Reading JSON whose form is not to be trusted: what is not as expected becomes a problem that names its place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import InputError
from plugins.workload import Progress
from plugins.workloads.lines import open_lines
from plugins.workloads.table import Problems

LARGEST = 1e18
"""More than any count of bytes or seconds, and few enough to be added up."""


class JsonObject:
    """One object of a file. ``where`` names it in problems; a value of a wrong type is noted and read as absent."""

    __slots__ = ("_problems", "_values", "where")

    def __init__(self, values: Any, where: str, problems: Problems) -> None:
        self.where = where
        self._problems = problems
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            self.refuse("is not an object in braces")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def refuse(self, reason: str) -> None:
        """Note that something is wrong here."""
        self._problems.add_at(self.where, reason)

    def child(self, key: str) -> JsonObject:
        """Return the object under the key; noted when it is missing."""
        if key not in self._values:
            self.refuse(f"has no {key}")
        return JsonObject(self._values.get(key, {}), f"{self.where}.{key}", self._problems)

    def children(self, key: str) -> Iterator[JsonObject]:
        """Yield the objects of the list under the key, named by their id or name where they have one."""
        for number, values in enumerate(self._list(key)):
            name = values.get("id", values.get("name")) if isinstance(values, dict) else None
            label = f"'{name}'" if isinstance(name, str) else f"[{number}]"
            yield JsonObject(values, f"{self.where}.{key} {label}", self._problems)

    def text(self, key: str, default: str | None = None) -> str:
        """Return the text under the key, not empty; required where there is no default."""
        if default is not None and key not in self._values:
            return default
        value = self._values.get(key)
        if isinstance(value, str) and value:
            return value
        self.refuse(f"has no {key}" if value is None else f"{key} must be a text that is not empty")
        return ""

    def texts(self, key: str) -> list[str]:
        """Return the list of texts under the key, empty when absent."""
        values = self._list(key)
        if all(isinstance(value, str) for value in values):
            return values
        self.refuse(f"{key} must hold texts only")
        return []

    def number(self, key: str, default: float | None = None) -> float:
        """Return the number under the key, from 0 to 1e18; required where there is no default."""
        value = self._values.get(key, default)
        if value is None:
            self.refuse(f"has no {key}")
            return math.nan
        try:
            number = math.nan if isinstance(value, bool | str | list | dict) else float(value)
        except OverflowError:
            number = math.inf
        if not 0 <= number <= LARGEST:
            self.refuse(f"{key} is {str(value)[:20]}; it must be a number from 0 to {LARGEST:g}")
            return math.nan
        return number

    def _list(self, key: str) -> list[Any]:
        value = self._values.get(key, [])
        if isinstance(value, list):
            return value
        self.refuse(f"{key} must be a list")
        return []


def read_json(path: Path, progress: Progress) -> Any:
    """Return what a JSON file holds. Raises :class:`InputError` with the line on what is no JSON, NaN included."""
    with open_lines(path, progress) as lines:
        text = "\n".join(line for _, line in lines)
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InputError(f"'{path}' is not valid JSON: {error.msg} (line {error.lineno}).") from error
    except RecursionError as error:
        raise InputError(f"'{path}' is nested too deeply to be read.") from error
    except ValueError as error:  # a constant, or more digits than Python converts
        raise InputError(f"'{path}' is not valid JSON: {str(error)[:200]}.") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")
