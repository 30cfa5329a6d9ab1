"""A simulation as it stands, run on by itself: what runs and waits goes on, and nothing but one task is placed."""

from __future__ import annotations

import math
from collections import deque
from copy import copy
from itertools import count

from engine.device_state import DeviceState
from engine.estimator import Seconds
from engine.ledger import Ledger
from engine.pending import Pending
from engine.placement import Placement, Shares
from engine.precedence import Precedence
from engine.simulation import Simulation
from engine.task import Task


class Fork(Simulation):
    """A copy of a simulation at this instant, in which no task arrives and nobody is asked, told or taught any more.

    What changes is copied, what does not is shared, so that it costs some bytes a task. It may be made in the middle of
    an event: while placements are taken, or before the children of a task that has just finished are released.
    """

    _next_arrival_s = math.inf

    def __init__(self, of: Simulation) -> None:
        vars(self).update(vars(of))
        self.ledger = of.ledger.copy()
        self.devices = [_device(device) for device in of.devices]
        self._precedence = _precedence(of._precedence, self.ledger)
        self._events = of._events.copy()
        # one number stays unused there: what counts is their order
        self._numbers = count(next(of._numbers))
        self._open_parts = of._open_parts.copy()
        self.memory_refused = set()
        self._pending = Pending(of._has_parents)
        self._telling = None
        self._state = copy(of._state)
        self._state._states, self._state._precedence = self.devices, self._precedence
        self._expected = self._state.expected = self._truly
        self._state._whole_s = None

    def withdraw(self, task: Task) -> int:
        """Undo the placement of a task none of whose shares has started; return the number of its placement."""
        parts, ledger, index = self.ledger.parts_of(task.index), self.ledger, task.index
        number = 0
        for part in reversed(parts):
            device = self.devices[ledger.device[part]]
            (number,) = [e[1] for e in (*device.ready, *device.waiting.values()) if e[2] == part]
            device.ready = deque(entry for entry in device.ready if entry[2] != part)
            device.waiting.pop(part, None)
        ledger.withdraw(index)
        self._precedence._waiting.pop(index, None)
        self._open_parts.pop(index, None)
        return number

    def put(self, task: Task, shares: Shares, order: float | None, number: int | None) -> None:
        """Place a task, as the placement with this number, None: the latest."""
        numbers = self._numbers
        if number is not None:
            self._numbers = count(number, 0)  # the same for each of its shares: they are on different devices
        self._pending._add(task, self._precedence.is_ready(task.index))
        self._put_checked(Placement(task, shares, order))
        self._numbers = numbers

    def go_on_after(self, task: int) -> None:
        """Finish the event in whose middle it was made: this task has just finished (as the event loop does)."""
        self._release_children(task)
        self._advance_queue(self.devices[self.ledger.device[self.ledger.ended[-1]]])

    def _truly(self, task: Task) -> Seconds:
        """Stands in for the estimator: nobody decides by what is believed here."""
        return [model[task.index] for model in self._shared.table("true")]


def _device(of: DeviceState) -> DeviceState:
    device = copy(of)
    device.running, device.ready, device.waiting = of.running.copy(), of.ready.copy(), of.waiting.copy()
    device._replay = None
    return device


def _precedence(of: Precedence, ledger: Ledger) -> Precedence:
    precedence = copy(of)
    precedence._ledger = ledger
    precedence._missing_parents = of._missing_parents[:]
    precedence._waiting = {task: parts.copy() for task, parts in of._waiting.items()}
    return precedence
