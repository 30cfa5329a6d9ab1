"""Work stealing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from engine.cluster import Cluster
from engine.completion import Completion
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.declining import nowhere_whole
from plugins.schedulers.handing_out import NewlyReady, has_room


class WorkStealing(Scheduler):
    """Work stealing (Blumofe & Leiserson, JACM 46(5), 1999; as StarPU's 'ws': Augonnet, Thibault, Namyst & Wacrenier,
    CCPE 23(2), 2011).

    Every device has a deque of ready tasks. A task goes to the deque of the device that finished its last parent, a
    task without one to each device in turn. A free device takes the newest task of its own deque; when that is empty it
    steals the oldest of the longest deque (the paper draws the victim; ties go to the lower index). Of several thieves
    at one instant the next in turn comes first. Seconds are never looked at, so a slow device steals as eagerly as a
    fast one. Whole tasks; a placement is final, so a task is placed only when a device has room for it.
    """

    name = "work_stealing"
    summary = "Each device works off the tasks that it released; who runs dry steals from the longest queue."
    explanation = (
        "work_stealing: Blumofe & Leiserson 1999, StarPU's ws. Needs no times at all: the right choice where devices "
        "are alike and nothing is known of the tasks. Where a GPU is much faster than a CPU, dmda and heteroprio are "
        "better."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._newly_ready = NewlyReady()
        self._deques: list[deque[Task]] = []
        self._kept = 0
        self._next_owner = self._next_thief = 0

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        if not self._deques:
            self._deques = [deque() for _ in state.devices]
        for task, device in self._newly_ready.take(pending, state):
            self._keep(task, device, state)
        # owners first: a task is stolen only when its own device has no room for it
        for device in range(len(self._deques)):
            yield from self._own(device, state)
        count, first = len(self._deques), self._next_thief
        for device in (*range(first, count), *range(first)):
            yield from self._stolen(device, state)

    def observe(self, completion: Completion) -> None:
        """See :meth:`engine.scheduler.Scheduler.observe`."""
        self._newly_ready.observe(completion)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits no single device: this rule does not split."""
        return nowhere_whole(cls.name, tasks, cluster, cluster.devices)

    def _keep(self, task: Task, device: int | None, state: ClusterState) -> None:
        """Add a ready task to the deque of the device, or of the next in turn, that can run it."""
        while device is None or not state.fits(task, device):
            device, self._next_owner = self._next_owner, (self._next_owner + 1) % len(self._deques)
        self._deques[device].append(task)
        self._kept += 1

    def _own(self, device: int, state: ClusterState) -> Iterator[Placement]:
        own = self._deques[device]
        while own and has_room(own[-1], device, state):
            self._kept -= 1
            yield on(own.pop(), device)

    def _stolen(self, device: int, state: ClusterState) -> Iterator[Placement]:
        while self._kept and state.free_slots(device) > state.queue_length(device):
            longest_first = sorted(filter(None, self._deques), key=len, reverse=True)
            victim = next((tasks for tasks in longest_first if has_room(tasks[0], device, state)), None)
            if victim is None:
                return
            self._kept -= 1
            self._next_thief = (device + 1) % len(self._deques)
            yield on(victim.popleft(), device)
