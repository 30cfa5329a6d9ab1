"""The tasks that have arrived and are not placed: live, read-only for schedulers, never rebuilt."""

from __future__ import annotations

from collections.abc import Iterator

from engine.task import Task


class Pending:
    """Pending tasks in arrival order. O(1) ``len``, ``in`` and :attr:`first`; iterating is safe while tasks that were
    yielded as placements leave. Take ``list(pending)`` when a copy is wanted."""

    __slots__ = ("_head", "_order", "_position")

    def __init__(self) -> None:
        self._order: list[Task | None] = []
        self._position: dict[int, int] = {}
        self._head = 0

    def __len__(self) -> int:
        return len(self._position)

    def __contains__(self, task: object) -> bool:
        return isinstance(task, Task) and task.index in self._position

    def __iter__(self) -> Iterator[Task]:
        order = self._order
        position = self._head
        while position < len(order):
            task = order[position]
            position += 1
            if task is not None:
                yield task

    @property
    def first(self) -> Task:
        """The task that arrived first; IndexError when nothing is pending."""
        order = self._order
        while self._head < len(order):
            task = order[self._head]
            if task is not None:
                return task
            self._head += 1
        raise IndexError("nothing is pending")

    def _add(self, task: Task) -> None:
        self._position[task.index] = len(self._order)
        self._order.append(task)

    def _remove(self, index: int) -> bool:
        """Take a task out; False when it is not pending."""
        position = self._position.pop(index, None)
        if position is None:
            return False
        self._order[position] = None
        return True

    def _compact(self) -> None:
        """Drop the holes that placed tasks left; called by the simulation between calls of ``place`` only."""
        if not self._position:
            self._order.clear()
            self._head = 0
        elif len(self._order) > 64 and len(self._order) > 2 * len(self._position):
            self._order = [task for task in self._order if task is not None]
            self._position = {task.index: i for i, task in enumerate(self._order) if task is not None}
            self._head = 0
