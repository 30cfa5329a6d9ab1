"""One queue whose head blocks; its order is the rule: ``fcfs``, ``sjf``, ``ljf``, ``f1``, ``wfp3``, ``unicep``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from engine.cluster import Cluster
from engine.params import parameter
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from plugins.schedulers.rigid import Job, Newcomers, declines_graph, device_with_room, job_of, shadow


@dataclass(frozen=True)
class BackfillParams:
    """What a rule with a blocking head may do meanwhile."""

    backfill: str = parameter(
        "none",
        "Jobs that may pass a head without room: none, or those that the published table of 2020 let pass (sc20)",
        choices=("none", "sc20"),
    )


@dataclass(frozen=True)
class ScoreParams(BackfillParams):
    """As :class:`BackfillParams`, for rules that compare scores."""

    commit: bool = parameter(False, "Keep a chosen job chosen until it fits, as the published table of 2020 did")


class HeadFirst(Scheduler):
    """Starts the head of the queue while it fits; when it does not, all wait.

    :meth:`head` says who that is, anew at each call; with ``commit`` a head that did not fit stays the head.

    ``backfill`` sc20 is that of RLScheduler's published code (Zhang, Dai, He, Bao & Xie, SC 2020): the second at which
    the head is believed to fit is worked out once, when it first does not, and whoever fits now and ends before that
    second may pass, first come first served.
    """

    Params = BackfillParams

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._commit = getattr(self.params, "commit", False)
        self._backfills = self.params.backfill == "sc20"
        self._chosen: Task | None = None
        self._shadow: tuple[Task, float] | None = None

    def head(self, pending: Pending, state: ClusterState) -> Task:
        """Return which of the pending tasks (at least one) comes first."""
        raise NotImplementedError

    def joins(self, pending: Pending, state: ClusterState) -> None:
        """Called at the start of each call, for rules that keep a queue of their own; the default ignores it."""

    def leaves(self, task: Task) -> None:
        """Called when a job leaves the queue; the default ignores it."""

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`. One job a call: who starts one is asked again at once."""
        self.joins(pending, state)
        task = self._chosen or self.head(pending, state)
        device = device_with_room(task, state)
        if device >= 0:
            self._chosen = None
            return (self._start(task, device),)
        if self._commit:
            self._chosen = task
        return self._passing(task, pending, state) if self._backfills else ()

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline task graphs, and where some task fits no single device: jobs start whole."""
        return declines_graph(cls.name, tasks, cluster)

    def _passing(self, head: Task, pending: Pending, state: ClusterState) -> Iterator[Placement]:
        if self._shadow is None or self._shadow[0] is not head:
            options = [d.index for d in state.devices if state.fits(head, d.index)]
            self._shadow = (head, min(shadow(head.slots, d, state)[0] for d in options))
        shadow_s = self._shadow[1]
        for task in pending:
            device = device_with_room(task, state)
            if device >= 0 and state.now + state.seconds(task, device) < shadow_s:
                yield self._start(task, device)

    def _start(self, task: Task, device: int) -> Placement:
        self.leaves(task)
        return on(task, device)


class ByScore(HeadFirst):
    """A queue in the order of a score that is fixed when the job arrives, lowest first; ties to who came first.

    A heap, so that a call costs O(log of the backlog).
    """

    Params = ScoreParams

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._newcomers = Newcomers()
        self._heap: list[tuple[float, int, Task]] = []
        self._count = 0

    def score(self, job: Job) -> float:
        """Return the score of a job."""
        raise NotImplementedError

    def joins(self, pending: Pending, state: ClusterState) -> None:
        """See :meth:`HeadFirst.joins`."""
        for task in self._newcomers.since_last(pending, state):
            self._count += 1
            heappush(self._heap, (self.score(job_of(task, state)), self._count, task))

    def head(self, pending: Pending, state: ClusterState) -> Task:
        """See :meth:`HeadFirst.head`."""
        heap = self._heap
        while heap[0][2] not in pending:
            heappop(heap)
        return heap[0][2]
