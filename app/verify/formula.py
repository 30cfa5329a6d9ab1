"""Arithmetic over the figures of a race: a case whose source has a denominator of its own writes it down."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from engine.errors import InputError, did_you_mean

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_CALLS: Mapping[str, Callable[..., float]] = {"min": min, "max": max, "abs": abs}


def names_in(formula: str) -> set[str]:
    """Return the figures that a formula names. Raises :class:`InputError` when it is none."""
    tree = _parsed(formula)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def value_of(formula: str, figures: Mapping[str, float | None]) -> float:
    """Return the value of a formula such as ``busy_slot_s / (last_start_s - first_arrival_s)``.

    ``+ - * /``, brackets, numbers, ``min``, ``max``, ``abs`` and the names of figures. Raises :class:`InputError` for
    anything else, an unknown figure, one that this race does not have (None), or a division by 0.
    """
    try:
        value = _value(_parsed(formula), formula, figures)
    except ZeroDivisionError as error:
        raise InputError(f"The metric '{formula}' divides by 0 in this race.") from error
    except OverflowError as error:
        raise InputError(f"The metric '{formula}' is beyond all numbers.") from error
    if not math.isfinite(value):
        raise InputError(f"The metric '{formula}' is {value} in this race.")
    return value


def _parsed(formula: str) -> ast.expr:
    try:
        return ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"The metric '{formula}' is no formula.") from error


def _value(node: ast.expr, formula: str, figures: Mapping[str, float | None]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=name):
            return _figure(name, figures)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, formula, figures)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, formula, figures), _value(right, formula, figures))
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as args, keywords=[]) if name in _CALLS:
            if name == "abs" and len(args) > 1:
                raise InputError(f"The metric '{formula}' gives abs more than one value.")
            values = [_value(arg, formula, figures) for arg in args]
            return _CALLS[name](values) if name != "abs" else abs(values[0])
    raise InputError(f"The metric '{formula}' may use figures, numbers, + - * / ( ), min, max and abs only.")


def _figure(name: str, figures: Mapping[str, float | None]) -> float:
    if name not in figures:
        raise InputError(f"There is no figure '{name}'.{did_you_mean(name, figures)}")
    value = figures[name]
    if value is None:
        raise InputError(f"This race has no {name}.")
    return value
