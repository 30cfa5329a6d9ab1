"""EASY backfilling: whoever does not hold up the first in the queue may pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.rigid import Job, Newcomers, declines_memory, device_with_room, free_slots, job_of, shadow


@dataclass(slots=True)
class _Reservation:
    """Where and when the head of the queue starts at the latest, and how many slots it leaves free there then."""

    device: int
    shadow_s: float
    extra: int


class Easy(Scheduler):
    """EASY backfilling (Lifka, JSSPP 1995; Mu'alem & Feitelson, IEEE TPDS 12(6), 2001, section 2).

    Jobs start in arrival order. The first that does not fit gets a reservation for the second at which enough slots are
    believed free (the shadow time), worked out anew whenever a job has ended. The others may start, in arrival order,
    if they fit now and either are believed to end by the shadow time or take none but the slots that the head leaves
    free then (the extra nodes). Of several devices the one that the head can have first is reserved, ties to the
    faster; on the others there is nothing to hold up.
    """

    name = "easy"
    summary = "EASY backfilling: jobs may pass the first in the queue if they do not hold it up."
    explanation = (
        "easy: Lifka 1995, Mu'alem & Feitelson 2001, with extra nodes. What most parallel machines run: the right "
        "choice for rigid jobs that state their times; only the first in the queue has a promise."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._newcomers = Newcomers()
        self._waiting: dict[int, Job] = {}  # in arrival order, as `pending`, with what the scan needs at hand
        self._reserved: _Reservation | None = None
        self._free = -1  # slots that the last call left free: more now means that a job has ended

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`.

        While no job ends only newcomers can pass a blocked head: the others were looked at, and it got later since.
        """
        newcomers = self._newcomers.since_last(pending, state)
        for task in newcomers:
            self._waiting[task.index] = job_of(task, state)
        reserved, free = self._reserved, free_slots(state)
        if reserved is None or free != self._free or state.now > reserved.shadow_s:
            self._free = free
            return self._all(pending, state)
        return self._passing([self._waiting[task.index] for task in newcomers], reserved, state) if newcomers else ()

    def _all(self, pending: Pending, state: ClusterState) -> Iterator[Placement]:
        self._reserved = None
        while pending:
            head = pending.first
            device = device_with_room(head, state)
            if device < 0:
                self._reserved = _reserve(head, state)
                yield from self._passing(list(self._waiting.values()), self._reserved, state)
                return
            yield self._start(head, device)

    def _passing(self, jobs: Iterable[Job], reserved: _Reservation, state: ClusterState) -> Iterator[Placement]:
        """Start those of the jobs that do not hold up the head, each where it runs fastest."""
        now_s, shadow_s = state.now, reserved.shadow_s
        room, elsewhere = self._most_free(state, reserved.device)
        for task, slots, seconds in jobs:
            # most of a long queue ends here
            if slots > room or (slots > elsewhere and slots > reserved.extra and now_s + seconds > shadow_s):
                continue
            device = device_with_room(task, state)
            if device == reserved.device and now_s + state.seconds(task, device) > shadow_s:
                if slots <= reserved.extra:
                    reserved.extra -= slots
                else:
                    device = device_with_room(task, state, but_for=reserved.device)
            if device >= 0:
                yield self._start(task, device)
                room, elsewhere = self._most_free(state, reserved.device)
                if not room:
                    return

    def _start(self, task: Task, device: int) -> Placement:
        del self._waiting[task.index]
        self._free -= task.slots
        return on(task, device)

    def _most_free(self, state: ClusterState, reserved: int) -> tuple[int, int]:
        """Return the most slots that are free on any device, and on any but the reserved one."""
        if len(state.devices) == 1:
            return self._free, 0
        free = list(map(state.free_slots, range(len(state.devices))))
        at_reserved = free.pop(reserved)
        elsewhere = max(free)
        return max(elsewhere, at_reserved), elsewhere

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline divisible tasks, task graphs, and where memory could run out before slots: none keeps a promise."""
        return declines_memory(cls.name, tasks, cluster)


def _reserve(head: Task, state: ClusterState) -> _Reservation:
    options = []
    for device in range(len(state.devices)):
        if state.fits(head, device):
            shadow_s, extra = shadow(head.slots, device, state)
            options.append((shadow_s, state.seconds(head, device), device, extra))
    shadow_s, _, device, extra = min(options)
    return _Reservation(device, shadow_s, extra)
