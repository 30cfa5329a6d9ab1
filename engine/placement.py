"""What a scheduler answers: where a task goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.task import Task

Shares = tuple[tuple[int, float], ...]
"""(device index, fraction) pairs."""


class Placement(NamedTuple):
    """One task onto one or more devices: ``shares`` are (device index, fraction) pairs whose fractions sum to 1.

    With ``order`` (lower first) the device's queue becomes strict: its head blocks until it is ready and fits.
    A named tuple because one is made for every task of a race.
    """

    task: Task
    shares: Shares
    order: float | None = None


_new = tuple.__new__
_KEPT = 1024
_WHOLE: tuple[Shares, ...] = tuple(((device, 1.0),) for device in range(_KEPT))
WHOLE_ON: Mapping[int, int] = {id(shares): device for device, shares in enumerate(_WHOLE)}
"""The device of each of the shares that :func:`on` keeps, by their identity: the event loop need not look at them."""


def on(task: Task, device: int, order: float | None = None) -> Placement:
    """Place the whole task on the device with this index."""
    # past the named tuple's own constructor, with shares made once: a race makes one for every task
    if type(device) is int and 0 <= device < _KEPT:
        return _new(Placement, (task, _WHOLE[device], order))
    return _new(Placement, (task, ((device, 1.0),), order))


def split(task: Task, fractions: Mapping[int, float], order: float | None = None) -> Placement:
    """Place a divisible task in several shares: device index to fraction; fractions of 0 are left out."""
    return Placement(task, tuple((device, f) for device, f in fractions.items() if f > 0), order)
