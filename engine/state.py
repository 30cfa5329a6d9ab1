"""What a scheduler sees of the cluster at one instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.cluster import Cluster, Device, Kind
from engine.device_state import DeviceState, groups_of_equals
from engine.estimator import Seconds
from engine.placement import Shares
from engine.precedence import Precedence
from engine.shared import SecondsColumn
from engine.task import Task, TaskColumns
from engine.weights import Weights


class ClusterState:
    """The live view handed to ``place``; read-only for schedulers. Devices are named by their index.

    ``now`` is the simulated second, ``arrivals`` the number of tasks that have arrived so far, ``expected(task)`` the m
    seconds per device model that the lane's estimator believes (speed 1, inf where the task cannot run), ``equals`` the
    devices in groups that differ in their id only, ``independent`` whether no task of the workload has parents.
    """

    __slots__ = (
        "_all", "_all_fit", "_columns", "_groups", "_legal_pair", "_plain", "_precedence", "_states", "_whole_s",
        "arrivals", "by_kind", "cluster", "devices", "equals", "expected", "independent", "now", "weights",
    )  # fmt: skip

    def __init__(
        self,
        cluster: Cluster,
        states: list[DeviceState],
        columns: TaskColumns,
        precedence: Precedence,
        expected: Callable[[Task], Seconds],
        weights: Weights,
        whole_s: Sequence[SecondsColumn] | None = None,
        busy_s: Sequence[SecondsColumn] | None = None,
    ) -> None:
        self.now = 0.0
        self.arrivals = 0
        self.cluster = cluster
        self.devices: tuple[Device, ...] = cluster.devices
        self.by_kind: Mapping[Kind, tuple[Device, ...]] = {
            "cpu": cluster.of_kind("cpu"),
            "gpu": cluster.of_kind("gpu"),
        }
        self.weights = weights
        self.expected = expected
        self._whole_s = whole_s  # of whole tasks by device, where they stand in a table
        self._states = states
        self._groups = groups_of_equals(states)
        if busy_s is not None:
            for group in self._groups:
                group.busy_s = busy_s[group.first.index]
        self.equals = tuple(tuple(d.index for d in group.devices) for group in self._groups)
        self._columns = columns
        self._all = range(len(states))
        self._all_fit = (
            columns.runs_on is None
            and max(columns.slots) <= min(d.slots for d in cluster.devices)
            and max(columns.memory_gb) <= min(d.memory_gb for d in cluster.devices)
        )
        self.independent = not any(columns.parents)
        # finish alone counts and every task fits every device at once: the rules of splitting have a short way for that
        self._plain = self._all_fit and self.independent and weights.energy == weights.cost == 0.0
        self._precedence = precedence
        self._legal_pair: Shares | None = None  # the latest that the rules of splitting made: legal as it is

    def seconds(self, task: Task, device: int, fraction: float = 1.0) -> float:
        """Return the expected seconds of a share; inf where the task cannot run.

        expected / speed x fraction, plus latency and fraction x transfer / link where the device has a link.
        """
        if fraction == 1.0 and self._whole_s is not None:
            return self._whole_s[device][task.index]
        return self._states[device].seconds(self.expected(task), self._columns.transfer_gb[task.index], fraction)

    def available_at(self, device: int, slots: int = 1) -> float:
        """Return the second at which that many slots are believed free for a new share; never before now."""
        return self._states[device].available_at(self.now, slots)

    def available_in(self, group: int) -> list[float]:
        """Return :meth:`available_at` of each device of ``equals[group]``, for less than so many calls cost."""
        return self._groups[group].available_s(self.now)

    def in_line(self, device: int, order: float, slots: int = 1) -> tuple[float, int]:
        """Return when a share that is placed with ``order`` is believed to start, and how many would wait behind it.

        As :meth:`available_at` where a queue is ordered: queued shares with a higher order do not count; and a share
        that overruns is believed to need as long again as it is overdue.
        """
        return self._states[device].line_at(self.now, slots, order)

    def fits(self, task: Task, device: int, fraction: float = 1.0) -> bool:
        """Return whether a share may ever run there: slots and memory of the whole device, a model that can run it."""
        if self._all_fit:
            return True
        state = self._states[device]
        runs_on = self._columns.runs_on
        return (
            task.slots <= state.spec.slots
            and task.memory_gb * fraction <= state.spec.memory_gb
            and (runs_on is None or runs_on[task.index][state.model])
        )

    def fitting(self, task: Task) -> Sequence[int]:
        """Return the devices on which the whole task may ever run (:meth:`fits`), by their indices."""
        return self._all if self._all_fit else [d for d in self._all if self.fits(task, d)]

    def model(self, device: int) -> int:
        """Return the device's column among the device models."""
        return self._states[device].model

    def free_slots(self, device: int) -> int:
        """Return the slots that nothing runs on now."""
        return self._states[device].free_slots

    @property
    def idle_slots(self) -> int:
        """Slots of all devices together that nothing runs on now."""
        states = self._states
        return states[0].free_slots if len(states) == 1 else sum([state.free_slots for state in states])

    def free_memory(self, device: int) -> float:
        """Return the GB that nothing holds now."""
        return self._states[device].memory_left_gb()

    def queue_length(self, device: int) -> int:
        """Return how many shares wait on the device."""
        return self._states[device].queue_length

    def queued_seconds(self, device: int) -> float:
        """Return the believed seconds of the shares that wait on the device."""
        return self._states[device].queued_s

    def running(self, device: int) -> Sequence[tuple[float, int]]:
        """Return (believed end, slots) of each share that runs on the device, in start order."""
        return tuple([(end_s, slots) for end_s, slots, _ in self._states[device].running.values()])

    def ready(self, task: Task) -> bool:
        """Return whether all parents of the task have finished."""
        return self._precedence.is_ready(task.index)

    def data_ready(self, task: Task, device: int) -> float:
        """Return the second from which the parents' data are on the device; inf while a parent has not finished."""
        return self._precedence.data_ready_s(task.index, device)

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices)
