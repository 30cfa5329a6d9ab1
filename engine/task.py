"""The light read-only view of one task that schedulers hold. It carries no times: seconds come from ``state``."""

from __future__ import annotations

from itertools import pairwise, repeat

import numpy as np

from engine.workload import FloatArray, Workload, children_of


class TaskColumns:
    """What schedulers may know of all tasks, as lists (a scalar read is several times faster than from numpy).

    Shared by all simulations of a race. Holds neither the nominal nor the true seconds.
    """

    __slots__ = (
        "arrival_array", "arrival_s", "children", "deadline_s", "divisible", "features", "memory_gb", "models", "names",
        "parent_gb", "parents", "runs_on", "slots", "slots_array", "tasks", "transfer_gb", "users",
    )  # fmt: skip

    def __init__(self, source: Workload) -> None:
        n = len(source)
        self.arrival_s: list[float] = source.arrival_s.tolist()
        self.arrival_array: FloatArray = source.arrival_s
        self.slots_array: FloatArray = source.slots.astype(np.float64)
        self.features: FloatArray = source.features
        self.memory_gb: list[float] = source.memory_gb.tolist()
        self.transfer_gb: list[float] = source.transfer_gb.tolist()
        self.slots: list[int] = source.slots.tolist()
        self.divisible: list[bool] = source.divisible.tolist()
        self.deadline_s = [np.inf] * n if source.deadline_s is None else source.deadline_s.tolist()
        self.models = source.models
        self.users = source.users
        self.tasks = list(map(Task, range(n), repeat(self)))
        self.runs_on: list[list[bool]] | None = None
        """Per task and device model, whether it can run there; None when all can everywhere."""
        if np.isinf(source.etc_s).any():
            self.runs_on = np.isfinite(source.etc_s).tolist()
        self.names = source.names
        empty: list[tuple[int, ...]] = [()] * n
        self.parents: list[tuple[int, ...]] = empty
        self.children: list[tuple[int, ...]] = empty
        self.parent_gb: list[tuple[float, ...]] = [()] * n
        if source.has_parents:
            bounds = source.parent_start.tolist()
            index, gb = source.parent_index.tolist(), source.parent_gb.tolist()
            spans = list(pairwise(bounds))
            self.parents = [tuple(index[a:b]) for a, b in spans]
            self.parent_gb = [tuple(gb[a:b]) for a, b in spans]
            self.children = [tuple(c) for c in children_of(source)]


class Task:
    """One task: ``index`` is its row in the workload and names it throughout a simulation."""

    __slots__ = ("_columns", "index")

    def __init__(self, index: int, columns: TaskColumns) -> None:
        self.index = index
        self._columns = columns

    def __repr__(self) -> str:
        return f"Task({self.index})"

    @property
    def name(self) -> str:
        """The name that the workload gave it, else its index."""
        names = self._columns.names
        return names[self.index] if names else str(self.index)

    @property
    def user(self) -> str:
        """Who submitted it; empty where the workload does not say."""
        users = self._columns.users
        return users[self.index] if users else ""

    @property
    def arrival_s(self) -> float:
        """Simulated second of arrival."""
        return self._columns.arrival_s[self.index]

    @property
    def features(self) -> FloatArray:
        """The k features of this task (names: ``Workload.feature_names``)."""
        row: FloatArray = self._columns.features[self.index]
        return row

    @property
    def memory_gb(self) -> float:
        """GB that the whole task holds while it runs; a share holds its fraction of it."""
        return self._columns.memory_gb[self.index]

    @property
    def transfer_gb(self) -> float:
        """GB that the whole task moves over the link of a device that has one."""
        return self._columns.transfer_gb[self.index]

    @property
    def slots(self) -> int:
        """Slots that each share takes at once."""
        return self._columns.slots[self.index]

    @property
    def divisible(self) -> bool:
        """Whether it may run in several shares at once."""
        return self._columns.divisible[self.index]

    @property
    def deadline_s(self) -> float:
        """Simulated second by which it should be finished; inf without one."""
        return self._columns.deadline_s[self.index]

    @property
    def parents(self) -> tuple[int, ...]:
        """Indices of the tasks that must finish before it may start."""
        return self._columns.parents[self.index]

    @property
    def parent_gb(self) -> tuple[float, ...]:
        """GB of data that come from each parent, in the order of ``parents``."""
        return self._columns.parent_gb[self.index]

    @property
    def children(self) -> tuple[int, ...]:
        """Indices of the tasks that wait for it."""
        return self._columns.children[self.index]
