"""Parameters of plugins, declared once in a dataclass: form, options, checks and stored spec come from it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from engine.errors import InputError, did_you_mean
from engine.spec import ParamValue


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter: its type (int, float, bool or str), default, bounds, choices and a sentence of help."""

    name: str
    kind: type
    default: ParamValue
    help: str
    low: float
    high: float
    choices: tuple[str, ...]


def parameter(
    default: ParamValue, help: str, *, low: float = -math.inf, high: float = math.inf, choices: tuple[str, ...] = ()
) -> Any:
    """Declare a field of a ``Params`` dataclass: ``interval: int = parameter(50, "Tasks between fits", low=1)``."""
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


def declared(params: type) -> list[Parameter]:
    """Return the parameters that a ``Params`` dataclass declares, in order."""
    hints = get_type_hints(params)
    return [
        Parameter(
            name=f.name,
            kind=hints[f.name],
            default=_default(params, f),
            help=f.metadata.get("help", ""),
            low=f.metadata.get("low", -math.inf),
            high=f.metadata.get("high", math.inf),
            choices=f.metadata.get("choices", ()),
        )
        for f in dataclasses.fields(params)
    ]


def _default(params: type, field: dataclasses.Field[Any]) -> ParamValue:
    if isinstance(field.default, bool | int | float | str):
        return field.default
    raise TypeError(f"{params.__qualname__}.{field.name} needs a plain default: parameter(default, help)")


def build(params: type, owner: str, values: Mapping[str, Any]) -> Any:
    """Return ``params(**values)`` with every value converted (text too, from the command line) and checked.

    ``owner`` names the plugin in the :class:`InputError` that an unknown name, a wrong type or a value out of bounds
    raises.
    """
    known = {p.name: p for p in declared(params)}
    for name in values:
        if name not in known:
            none = "" if known else " It has none."
            raise InputError(f"'{owner}' has no parameter '{name}'.{did_you_mean(name, known)}{none}")
    return params(**{name: _convert(owner, known[name], value) for name, value in values.items()})


def _convert(owner: str, parameter: Parameter, value: Any) -> ParamValue:
    where = f"Parameter '{parameter.name}' of '{owner}'"
    result: ParamValue
    try:
        if parameter.kind is bool:
            result = _to_bool(value)
        elif parameter.kind is int:
            if isinstance(value, float) and not value.is_integer():
                raise ValueError(value)
            result = int(value)
        elif parameter.kind is float:
            result = float(value)
        else:
            result = str(value)
    except (TypeError, ValueError, OverflowError) as error:
        kind = {int: "a whole number", float: "a number", bool: "true or false"}.get(parameter.kind, "a text")
        raise InputError(f"{where} is '{value}'; it must be {kind}.") from error
    if isinstance(result, float | int) and not parameter.low <= result <= parameter.high:
        raise InputError(f"{where} is {value}; it must be between {parameter.low} and {parameter.high}.")
    if parameter.choices and result not in parameter.choices:
        raise InputError(f"{where} is '{value}'.{did_you_mean(str(result), parameter.choices)}")
    return result


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes", "on"):
        return True
    if str(value).lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(value)
