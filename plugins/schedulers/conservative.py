"""Conservative backfilling: every job has a reservation, and nobody is delayed by who comes later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.profile import Profile
from plugins.schedulers.rigid import Newcomers, declines_memory


@dataclass(slots=True)
class _Reservation:
    task: Task
    device: int
    start_s: float
    end_s: float


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
        # believed ends that the profiles were made with; none yet, so that the first call makes the profiles
        self._running: list[list[tuple[float, int]]] = []

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        newcomers = self._newcomers.since_last(pending, state)
        if any(r.start_s < state.now for r in self._plan.values()):
            self._replan(state)
        elif self._surprised(state):
            self._compress(state)
        for profile in self._profiles:
            profile.forget(state.now)
        for task in newcomers:
            self._plan[task.index] = self._reserve(task, state)
        for due in [r for r in self._plan.values() if r.start_s <= state.now]:
            # where it does not fit, something that is believed to end now has not ended yet
            if due.task.slots <= state.free_slots(due.device):
                del self._plan[due.task.index]
                yield on(due.task, due.device)
        self._running = _running(state)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline divisible tasks, task graphs, and where memory could run out before slots: none keeps a promise."""
        return declines_memory(cls.name, tasks, cluster)

    def _surprised(self, state: ClusterState) -> bool:
        """Whether what runs differs from what the plan was made with (what is believed to end now may do so yet)."""
        believed = [[share for share in shares if share[0] > state.now] for shares in self._running]
        return believed != [[share for share in shares if share[0] > state.now] for shares in _running(state)]

    def _replan(self, state: ClusterState) -> None:
        """Make all promises anew, in arrival order."""
        self._profiles = _profiles(state)
        for index, r in self._plan.items():
            self._plan[index] = self._reserve(r.task, state)

    def _compress(self, state: ClusterState) -> None:
        """Put each job, in arrival order, back among the others; again until none moves, because who moves makes room.

        A promise that could be earlier would also name a second at which nothing ends, and so nobody asks.
        """
        self._profiles = _profiles(state)
        for r in self._plan.values():
            self._profiles[r.device].take(r.start_s, r.end_s, r.task.slots)
        moved = True
        while moved:
            moved = False
            for index, r in self._plan.items():
                self._profiles[r.device].give_back(r.start_s, r.end_s, r.task.slots)
                self._plan[index] = self._reserve(r.task, state)
                moved = moved or self._plan[index] != r

    def _reserve(self, task: Task, state: ClusterState) -> _Reservation:
        options = []
        for device in range(len(state.devices)):
            if state.fits(task, device):
                seconds = state.seconds(task, device)
                options.append((self._profiles[device].first_fit(state.now, seconds, task.slots), seconds, device))
        start_s, seconds, device = min(options)
        self._profiles[device].take(start_s, start_s + seconds, task.slots)
        return _Reservation(task, device, start_s, start_s + seconds)


def _profiles(state: ClusterState) -> list[Profile]:
    return [Profile(state.now, state.free_slots(d.index), state.running(d.index)) for d in state.devices]


def _running(state: ClusterState) -> list[list[tuple[float, int]]]:
    return [sorted(state.running(device.index)) for device in state.devices]
