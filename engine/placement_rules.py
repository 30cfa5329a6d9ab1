"""What makes a placement legal; an illegal one disqualifies its scheduler with a sentence."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from engine.errors import PlacementError
from engine.pending import Pending
from engine.placement import Placement
from engine.state import ClusterState
from engine.task import Task

_SUM_TOLERANCE = 1e-9


def checked(placement: Any, pending: Pending, state: ClusterState) -> Placement:
    """Return a legal placement, its shares as tuples; :class:`PlacementError` says what breaks the contract.

    The usual shapes, one whole share or two floats, are recognised at once: a race checks millions of placements, and
    the close look costs several times as much.
    """
    if type(placement) is not Placement:
        raise PlacementError(f"place() returned {_short(placement)}; it must return Placement objects.")
    task, shares, order = placement
    if type(task) is not Task:
        raise PlacementError(f"a placement holds {_short(task)} where a task of `pending` belongs.")
    if task.index not in pending._position:
        raise PlacementError(f"it placed {task}, which is not pending (placed before, or not yet arrived).")
    task = state._columns.tasks[task.index]  # a stranger may hand back one of another race
    if order is not None and not (isinstance(order, Real) and not math.isnan(float(order))):
        raise PlacementError(f"the order of {task} is {_short(order)}; it must be a number.")
    if state._all_fit and type(shares) is tuple:
        if len(shares) == 1 and type(shares[0]) is tuple and len(shares[0]) == 2:
            device, fraction = shares[0]
            if type(device) is int and 0 <= device < len(state.devices) and fraction == 1.0:
                return placement
        elif len(shares) == 2 and task.divisible and plain_pair(shares, len(state.devices)):
            return placement
    return Placement(task, _check_shares(task, shares, state), order)


def plain_pair(shares: Any, devices: int) -> bool:
    """Whether two shares are plainly legal; a False only means that a closer look is needed."""
    first, second = shares
    if type(first) is not tuple or type(second) is not tuple or len(first) != 2 or len(second) != 2:
        return False
    (a, f), (b, g) = shares
    if not (type(a) is int and type(b) is int and type(f) is float and type(g) is float):
        return False
    in_range = 0 <= a < devices and 0 <= b < devices and a != b
    return in_range and f > 0.0 and g > 0.0 and abs(f + g - 1.0) <= _SUM_TOLERANCE


def _check_shares(task: Task, shares: Any, state: ClusterState) -> tuple[tuple[int, float], ...]:
    if not isinstance(shares, tuple | list) or not shares:
        raise PlacementError(f"the shares of {task} are {_short(shares)}; they must be (device, fraction) pairs.")
    total = 0.0
    checked: list[tuple[int, float]] = []
    taken: set[int] = set()
    for share in shares:
        if not (isinstance(share, tuple | list) and len(share) == 2):
            raise PlacementError(f"a share of {task} is {_short(share)}; it must be a (device, fraction) pair.")
        device, fraction = share
        _check_device(task, device, state)
        if not isinstance(fraction, Real) or not 0 < float(fraction) <= 1:
            raise PlacementError(
                f"{task} has the fraction {_short(fraction)} on device {device}; it must be in (0, 1]."
            )
        if device in taken:
            raise PlacementError(f"{task} has two shares on device {device}; at most one share a device is allowed.")
        taken.add(int(device))
        checked.append((int(device), float(fraction)))
        total += float(fraction)
    if abs(total - 1.0) > _SUM_TOLERANCE:
        raise PlacementError(f"the fractions of {task} sum to {total:.12g}; they must sum to 1.")
    if len(checked) > 1 and not task.divisible:
        raise PlacementError(f"{task} was split over {len(checked)} devices, but it is not divisible.")
    if len(checked) == 1:
        checked = [(checked[0][0], 1.0)]  # what rounding took from it is no share of its own
    for device, fraction in checked:
        _check_fits(task, device, fraction, state)
    return tuple(checked)


def _check_device(task: Task, device: Any, state: ClusterState) -> None:
    if not isinstance(device, Integral) or isinstance(device, bool):
        raise PlacementError(f"{task} was placed on device {_short(device)}; use the device's index, a whole number.")
    if not 0 <= int(device) < len(state.devices):
        raise PlacementError(
            f"{task} was placed on device {device}, which does not exist; use 0 to {len(state.devices) - 1}."
        )


def _check_fits(task: Task, device: int, fraction: float, state: ClusterState) -> None:
    runtime = state._states[device]
    spec = runtime.spec
    if task.slots > spec.slots:
        raise PlacementError(f"{task} needs {task.slots} slots, but '{spec.id}' has {spec.slots}.")
    runs_on = state._columns.runs_on
    if runs_on is not None and not runs_on[task.index][runtime.model]:
        raise PlacementError(f"{task} cannot run on '{spec.id}': its seconds there are inf.")
    if task.memory_gb * fraction > spec.memory_gb:
        raise PlacementError(
            f"{task} needs {task.memory_gb * fraction:.4g} GB on '{spec.id}', which has {spec.memory_gb:.4g} GB."
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
