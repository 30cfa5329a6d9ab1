"""The tasks that have arrived and are not placed: live, read-only for schedulers, never rebuilt."""

from __future__ import annotations

from collections.abc import Iterator

from engine.task import Task


class Pending:
    """Pending tasks in arrival order. O(1) ``len``, ``in`` and :attr:`first`; ``reversed`` begins with the newest,
    which is :attr:`last`.

    Iterating is safe while tasks that were yielded as placements leave. Take ``list(pending)`` when a copy is wanted.
    """

    __slots__ = ("_head", "_order", "_position", "_ready")

    def __init__(self, has_parents: bool) -> None:
        self._ready: dict[int, Task] | None = {} if has_parents else None
        self._order: list[Task | None] = []
        self._position: dict[int, int] = {}
        self._head = 0

    def __len__(self) -> int:
        return len(self._position)

    def __contains__(self, task: object) -> bool:
        return isinstance(task, Task) and task.index in self._position

    def __iter__(self) -> Iterator[Task]:
        order = self._order
        if len(order) == 1 and order[0] is not None:
            return iter((order[0],))  # the usual case of one arrival at a time, without a generator
        return self._walk()

    def _walk(self) -> Iterator[Task]:
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

    @property
    def last(self) -> Task:
        """The task that arrived last; IndexError when nothing is pending."""
        for task in reversed(self._order):
            if task is not None:
                return task
        raise IndexError("nothing is pending")

    def __reversed__(self) -> Iterator[Task]:
        """Iterate from the task that arrived last: a rule with a queue of its own finds the newcomers there."""
        for task in reversed(self._order):
            if task is not None:
                yield task

    def ready(self) -> Iterator[Task]:
        """Iterate over the tasks whose parents have all finished, in the order in which they became ready.

        For a DAG this spares a rule the walk over thousands of tasks that still wait.
        """
        if self._ready is not None:
            return iter(list(self._ready.values()))
        order = self._order
        if len(order) == 1 and order[0] is not None:
            return iter((order[0],))  # as __iter__, without the call: it is asked for every placement
        return self._walk()

    def _add(self, task: Task, ready: bool) -> None:
        if ready and self._ready is not None:
            self._ready[task.index] = task
        self._position[task.index] = len(self._order)
        self._order.append(task)

    def _remove(self, index: int) -> None:
        """Take out a task that is pending."""
        self._order[self._position.pop(index)] = None
        if self._ready is not None:
            self._ready.pop(index, None)

    def _now_ready(self, index: int) -> None:
        """The last parent of a task has finished; does nothing when the task is not pending."""
        position = self._position.get(index)
        task = self._order[position] if position is not None else None
        if task is not None and self._ready is not None:
            self._ready[index] = task

    def _compact(self) -> None:
        """Drop the holes that placed tasks left; called by the simulation between calls of ``place`` only."""
        left = [task for task in self._order if task is not None]
        self._order[:] = left
        self._position.clear()  # in place: the event loop holds on to it
        self._position.update((task.index, i) for i, task in enumerate(left))
        self._head = 0
