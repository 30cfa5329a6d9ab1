"""What rules share that keep ready tasks back and hand them to devices that are free."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from engine.completion import Completion
from engine.pending import Pending
from engine.state import ClusterState
from engine.task import Task


class NewlyReady:
    """Finds the tasks that have become ready since it was last asked, without a walk over all that wait.

    Pass on every :meth:`observe` of the rule, and ask :meth:`take` in every ``place``.
    """

    __slots__ = ("_arrivals", "_held_up", "_released")

    def __init__(self) -> None:
        self._arrivals = 0
        self._held_up: dict[int, Task] = {}  # arrived, but parents have not finished
        self._released: list[tuple[int, int]] = []  # task that may be ready now, device on which a parent finished

    def observe(self, completion: Completion) -> None:
        """A task has finished: its children may be ready."""
        device = completion.shares[-1].device
        self._released.extend((child, device) for child in completion.task.children)

    def take(self, pending: Pending, state: ClusterState) -> Iterator[tuple[Task, int | None]]:
        """Yield each newly ready task with the device on which its last parent finished, None when it had none left to
        wait for at its arrival."""
        for index, device in self._released:
            task = self._held_up.get(index)
            if task is not None and state.ready(task):
                del self._held_up[index]
                yield task, device
        self._released.clear()
        arrived = list(islice(reversed(pending), state.arrivals - self._arrivals))
        self._arrivals = state.arrivals
        for task in reversed(arrived):
            if state.ready(task):
                yield task, None
            else:
                self._held_up[task.index] = task


def has_room(task: Task, device: int, state: ClusterState) -> bool:
    """Return whether the task could start on the device now, as far as slots and memory go. What waits there for its
    data counts as one slot."""
    return (
        state.free_slots(device) - state.queue_length(device) >= task.slots
        and task.memory_gb <= state.free_memory(device)
        and state.fits(task, device)
    )
