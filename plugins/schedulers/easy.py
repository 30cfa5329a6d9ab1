"""EASY backfilling: whoever does not hold up the first in the queue may pass."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.rigid import Newcomers, declines_memory, device_with_room, fastest_s, shadow

_Waiting = tuple[int, int, float, Task]
"""A job's slots, its number in the order of arrival, its expected seconds as of :func:`fastest_s` when it came, and its
task. A plain tuple, so that these sort by slots, then by arrival."""

_arrival = itemgetter(1)


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
        self._waiting: dict[int, _Waiting] = {}  # by the task's index
        self._by_width: list[_Waiting] = []  # the same, sorted: what fits is the front, and nobody looks at the rest
        self._arrived = 0
        self._reserved: _Reservation | None = None
        self._free = -1  # slots that the last call left free: more now means that a job has ended

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`.

        While no job ends only newcomers can pass a blocked head: the others were looked at, and it got later since.
        """
        joined: Sequence[_Waiting] = ()
        if state.arrivals != self._newcomers.seen:
            joined = [self._join(task, state) for task in self._newcomers.since_last(pending, state)]
        reserved = self._reserved
        if reserved is not None and state.now > reserved.shadow_s:
            reserved = None  # something runs longer than believed
        if reserved is not None and joined:
            able = self._able_to_pass(joined, reserved, state)
            return self._passing(able, reserved, state) if able else ()
        free = state.idle_slots
        if reserved is not None and free == self._free:
            return ()
        self._free = free
        return self._from_the_head(pending, state)

    def _join(self, task: Task, state: ClusterState) -> _Waiting:
        self._arrived += 1
        job = self._waiting[task.index] = (task.slots, self._arrived, fastest_s(task, state), task)
        insort(self._by_width, job)
        return job

    def _from_the_head(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """Start the head, to be asked again at once; where it has no room, start those that may pass it."""
        self._reserved = None
        head = pending.first
        slots = self._waiting[head.index][0]
        device = _room(head, state) if slots <= self._free else -1
        if device >= 0:
            return (self._start(head, device),)
        if self._by_width[0][0] > self._free:
            return ()  # not even the narrowest fits: what the head must not lose is worked out when it matters
        self._reserved = reserved = _reserve(head, state)
        room, _ = self._most_free(state, reserved.device)
        fitting = self._by_width[: bisect_left(self._by_width, (room + 1,))]
        able = self._able_to_pass(fitting, reserved, state)
        return self._passing(sorted(able, key=_arrival), reserved, state) if able else ()

    def _able_to_pass(self, jobs: Sequence[_Waiting], reserved: _Reservation, state: ClusterState) -> list[_Waiting]:
        """Return those of the jobs that may pass the head as long as no other does."""
        room, elsewhere = self._most_free(state, reserved.device)
        harmless, now_s, shadow_s = max(elsewhere, reserved.extra), state.now, reserved.shadow_s
        return [job for job in jobs if job[0] <= room and (job[0] <= harmless or now_s + job[2] <= shadow_s)]

    def _passing(self, jobs: Iterable[_Waiting], reserved: _Reservation, state: ClusterState) -> Iterator[Placement]:
        """Start those of the jobs that do not hold up the head, each where it runs fastest."""
        now_s, shadow_s = state.now, reserved.shadow_s
        room, elsewhere = self._most_free(state, reserved.device)
        for slots, _, seconds, task in jobs:
            if slots > room or (slots > elsewhere and slots > reserved.extra and now_s + seconds > shadow_s):
                continue
            device = _room(task, state)
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
        job = self._waiting.pop(task.index)
        del self._by_width[bisect_left(self._by_width, job)]
        self._free -= job[0]
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


def _room(task: Task, state: ClusterState) -> int:
    """Return :func:`device_with_room` of a task that is known to find its slots free on some device."""
    return 0 if len(state.devices) == 1 else device_with_room(task, state)


def _reserve(head: Task, state: ClusterState) -> _Reservation:
    if len(state.devices) == 1:
        return _Reservation(0, *shadow(head.slots, 0, state))
    options = []
    for device in range(len(state.devices)):
        if state.fits(head, device):
            shadow_s, extra = shadow(head.slots, device, state)
            options.append((shadow_s, state.seconds(head, device), device, extra))
    shadow_s, _, device, extra = min(options)
    return _Reservation(device, shadow_s, extra)
