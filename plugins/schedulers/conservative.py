"""Conservative backfilling: every job has a reservation, and nobody is delayed by who comes later."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.profile import Profile
from plugins.schedulers.rigid import Newcomers, declines_memory

_Running = Sequence[tuple[float, int]]
"""Believed end and slots of each share that runs on a device."""


@dataclass(slots=True)
class _Reservation:
    task: Task
    device: int
    start_s: float
    end_s: float
    seconds: tuple[float, ...]
    """What the task was believed to take, as of :func:`_seconds`."""


class _Room:
    """Where reservations have made room: by device, the second from which, and the most slots that are free there."""

    def __init__(self) -> None:
        self.made: dict[int, tuple[float, int]] = {}

    def add(self, device: int, from_s: float, slots: int) -> None:
        before_s, before = self.made.get(device, (from_s, slots))
        self.made[device] = (min(from_s, before_s), max(slots, before))


class Conservative(Scheduler):
    """Conservative backfilling (Feitelson & Weil, IPPS 1998; Mu'alem & Feitelson, IEEE TPDS 12(6), 2001, section 2).

    When a job arrives it is promised the first second at which it fits for its whole expected time beside what runs and
    what was promised before. When something ends sooner than believed, the plan is compressed: each waiting job, in
    arrival order, is taken out and put back at the first second at which it fits now, so that no promise gets worse,
    until none moves. Only a job that runs longer than believed can break one; then all are made anew, in arrival order.
    Of several devices the one with the earliest start is promised, ties to the faster.
    """

    name = "conservative"
    summary = "Conservative backfilling: jobs may pass others if they delay nobody at all."
    explanation = (
        "conservative: Feitelson & Weil 1998, Mu'alem & Feitelson 2001. The right choice where every user wants to "
        "know at once when a job will start at the latest; fewer jobs may pass than with easy."
    )

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._newcomers = Newcomers()
        self._profiles: list[Profile] = []
        self._plan: dict[int, _Reservation] = {}  # in arrival order
        self._busy: dict[int, tuple[int, _Running]] = {}  # free slots, and what runs, of each device that runs anything
        self._misjudged = False  # something was started that is believed to take other than was promised

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        newcomers = self._newcomers.since_last(pending, state)
        early = list(self._ended_early(state))
        if not self._profiles or any(r.start_s < state.now for r in self._plan.values()):
            self._replan(state)
        elif early:
            self._compress(early, state)
        for task in newcomers:
            self._plan[task.index] = self._reserve(task, state)
        for due in [r for r in self._plan.values() if r.start_s <= state.now]:
            # where it does not fit, something that is believed to end now has not ended yet
            if due.task.slots <= state.free_slots(due.device):
                del self._plan[due.task.index]
                self._misjudged = self._misjudged or _seconds(due.task, state) != due.seconds
                yield on(due.task, due.device)
                self._busy[due.device] = (state.free_slots(due.device), state.running(due.device))

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline divisible tasks, task graphs, and where memory could run out before slots: none keeps a promise."""
        return declines_memory(cls.name, tasks, cluster)

    def _ended_early(self, state: ClusterState) -> Iterator[tuple[int, float, int]]:
        """Yield device, believed end and slots of what has ended since the last call, sooner than believed."""
        for device, (free, running) in list(self._busy.items()):
            if state.free_slots(device) != free:
                left = state.running(device)
                for end_s, slots in (Counter(running) - Counter(left)).elements():
                    if end_s > state.now:
                        yield device, end_s, slots
                if left:
                    self._busy[device] = (state.free_slots(device), left)
                else:
                    del self._busy[device]

    def _replan(self, state: ClusterState) -> None:
        """Make all promises anew, in arrival order."""
        self._make_profiles(state)
        for index, r in self._plan.items():
            self._plan[index] = self._reserve(r.task, state)

    def _make_profiles(self, state: ClusterState) -> None:
        self._profiles = [Profile(state.now, state.free_slots(d.index), state.running(d.index)) for d in state.devices]
        self._misjudged = False

    def _compress(self, early: list[tuple[int, float, int]], state: ClusterState) -> None:
        """Put each job, in arrival order, back among the others; again until none moves, because who moves makes room.

        A promise that could be earlier would also name a second at which nothing ends, and so nobody asks. Nor would
        most jobs move: one is taken out only where room was made since it was last looked at, or beliefs have changed.
        """
        believed = not self._misjudged and all(_seconds(r.task, state) == r.seconds for r in self._plan.values())
        if believed:
            for device, end_s, slots in early:
                self._profiles[device].give_back(state.now, end_s, slots)
        else:
            self._make_profiles(state)
            for r in self._plan.values():
                self._profiles[r.device].take(r.start_s, r.end_s, r.task.slots)
        room = _Room()
        for device, end_s, _ in early:
            room.add(device, state.now, self._profiles[device].most_free(state.now, end_s))
        while room.made:
            made = _Room()
            for index, r in self._plan.items():
                if believed and not self._finds(room, r, state):
                    continue
                profile = self._profiles[r.device]
                profile.give_back(r.start_s, r.end_s, r.task.slots)
                self._plan[index] = self._reserve(r.task, state)
                if self._plan[index] != r:
                    free = profile.most_free(r.start_s, r.end_s)
                    room.add(r.device, r.start_s, free)
                    made.add(r.device, r.start_s, free)
            room = made

    def _finds(self, room: _Room, r: _Reservation, state: ClusterState) -> bool:
        """Return whether the job might be promised better where room was made."""
        for device, (from_s, slots) in room.made.items():
            until_s = r.start_s if device == r.device else math.inf
            if from_s < until_s and r.task.slots <= slots and state.fits(r.task, device):
                seconds = state.seconds(r.task, device)
                # what ends before there was room could have been promised before
                earliest_s = max(state.now, from_s - seconds)
                start_s = self._profiles[device].first_fit(earliest_s, seconds, r.task.slots, until_s)
                if start_s < until_s and start_s <= r.start_s:
                    return True
        return False

    def _reserve(self, task: Task, state: ClusterState) -> _Reservation:
        seconds_in, best = _seconds(task, state), (math.inf, math.inf, -1)
        for seconds, devices in zip(seconds_in, state.equals, strict=True):
            for device in devices if seconds < math.inf else ():
                start_s = self._profiles[device].first_fit(state.now, seconds, task.slots)
                best = min(best, (start_s, seconds, device))
                if start_s == state.now:
                    break  # none of its equals is sooner
        start_s, seconds, device = best
        self._profiles[device].forget(state.now)
        self._profiles[device].take(start_s, start_s + seconds, task.slots)
        return _Reservation(task, device, start_s, start_s + seconds, seconds_in)


def _seconds(task: Task, state: ClusterState) -> tuple[float, ...]:
    """Return the expected seconds on a device of each of ``state.equals``; inf where the task does not fit."""
    return tuple([state.seconds(task, group[0]) if state.fits(task, group[0]) else math.inf for group in state.equals])
