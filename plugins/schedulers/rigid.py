"""What the rules for rigid jobs share: a job starts whole, at once and where it fits, or it waits in the one queue.

They never let a job queue on a device. On several devices (pools of processors, nodes) a job starts where it is
believed to run fastest among those with room; of equal devices on the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from engine.cluster import Cluster
from engine.pending import Pending
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_whole


def device_with_room(task: Task, state: ClusterState, but_for: int = -1) -> int:
    """Return the device on which the task can start at once and runs fastest, ties to the lower index; -1 if none.

    The device ``but_for`` does not count.
    """
    slots, best = task.slots, -1
    for group in state.equals:
        for device in group:
            if slots <= state.free_slots(device) and task.memory_gb <= state.free_memory(device) and device != but_for:
                faster = best < 0 or state.seconds(task, device) < state.seconds(task, best)
                if faster and state.fits(task, device):
                    best = device
                break
    return best


class Job(NamedTuple):
    """A waiting task with the slots it takes and its expected seconds where it runs fastest, as it was at its arrival.

    Seconds are asked for once, as a user states them once; and a scan of a long queue must not ask for each.
    """

    task: Task
    slots: int
    seconds: float


def job_of(task: Task, state: ClusterState) -> Job:
    """Return the task as a :class:`Job`."""
    return Job(task, task.slots, fastest_s(task, state))


def fastest_s(task: Task, state: ClusterState) -> float:
    """Return the expected seconds of the task where it runs fastest."""
    equals = state.equals
    if len(equals) == 1:
        return state.seconds(task, equals[0][0])
    return min([state.seconds(task, group[0]) for group in equals if state.fits(task, group[0])])


def shadow(slots: int, device: int, state: ClusterState) -> tuple[float, int]:
    """Return the second at which so many slots of the device are believed free if nothing else starts there, and how
    many are free then beyond those (Mu'alem & Feitelson 2001: shadow time and extra nodes).

    What runs longer than believed counts as ending now.
    """
    free, shadow_s = state.free_slots(device), state.now
    for end_s, held in sorted(state.running(device)):
        if free >= slots and end_s > shadow_s:
            break
        free += held
        if end_s > shadow_s:
            shadow_s = end_s
    return shadow_s, free - slots


class Newcomers:
    """Tells a rule which tasks have arrived since it last asked, without a walk over all that wait."""

    def __init__(self) -> None:
        self.seen = 0
        """Arrivals that have been told."""

    def since_last(self, pending: Pending, state: ClusterState) -> Sequence[Task]:
        """Return the tasks that arrived since the last call, in arrival order.

        ``place`` is called after every arrival, so all of them are still pending.
        """
        count = state.arrivals - self.seen
        if not count:
            return ()
        self.seen = state.arrivals
        if count == 1:
            return (pending.last,)
        return list(islice(reversed(pending), count))[::-1]


def declines_graph(rule: str, tasks: TaskColumns, cluster: Cluster) -> str | None:
    """Return why a rule that starts whole jobs cannot serve the workload, or None: a graph, or a task without room."""
    if any(tasks.parents):
        return f"{rule} starts jobs that wait for nothing but room; these tasks wait for one another."
    return nowhere_whole(rule, tasks, cluster, cluster.devices)


def declines_divisible(rule: str, tasks: TaskColumns, cluster: Cluster) -> str | None:
    """As :func:`declines_graph`, also for divisible tasks: the rule weighs the processors that a rigid job holds."""
    if any(tasks.divisible):
        task = tasks.divisible.index(True)
        return f"{rule} is for rigid jobs, but task {task} is divisible; take a rule that splits, such as mct."
    return declines_graph(rule, tasks, cluster)


def declines_memory(rule: str, tasks: TaskColumns, cluster: Cluster) -> str | None:
    """As :func:`declines_divisible`, also where a device could run out of memory before it runs out of slots.

    A reservation is one of slots; it would not hold there.
    """
    reason = declines_divisible(rule, tasks, cluster)
    if reason is not None:
        return reason
    least_gb = min(device.memory_gb / device.slots for device in cluster.devices)
    for index, (memory_gb, slots) in enumerate(zip(tasks.memory_gb, tasks.slots, strict=True)):
        if memory_gb > least_gb * slots:
            return f"{rule} reserves slots, not memory, and task {index} needs more memory than its slots' part."
    return None
