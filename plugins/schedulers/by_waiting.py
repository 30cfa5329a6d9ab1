"""Queues whose order changes while jobs wait: the common part of ``wfp3`` and ``unicep``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.cluster import Cluster
from engine.params import parameter
from engine.pending import Pending
from engine.state import ClusterState
from engine.task import Task, TaskColumns
from engine.workload import FloatArray
from plugins.schedulers.head_first import HeadFirst, ScoreParams
from plugins.schedulers.rigid import Newcomers, declines_divisible, job_of


@dataclass(frozen=True)
class WaitingParams(ScoreParams):
    """As :class:`ScoreParams`, for rules that look at how long a job has waited."""

    waiting: str = parameter(
        "true",
        "The waiting time: now - arrival, or -1 - arrival as the published table of 2020 had it (as_published)",
        choices=("true", "as_published"),
    )


class ByWaiting(HeadFirst):
    """A queue in the order of a score that grows while the job waits, highest first; ties to who came first.

    A call costs O(backlog), in numpy. With ``waiting`` as_published the second of the start, -1 while a job has not
    started, stands where now belongs: the slip in the code behind the table of RLScheduler (SC 2020).
    """

    Params = WaitingParams

    def __init__(self, params: object = None, seed: int = 0) -> None:
        super().__init__(params, seed)
        self._newcomers = Newcomers()
        self._tasks: list[Task] = []
        self._columns: FloatArray = np.empty((3, 0))  # arrival, seconds and slots of each of these tasks
        self._as_published = self.params.waiting == "as_published"

    def urgency(self, waiting_s: FloatArray, seconds: FloatArray, slots: FloatArray) -> FloatArray:
        """Return the scores of n jobs: their waits so far, their expected seconds and their slots, each n."""
        raise NotImplementedError

    def joins(self, pending: Pending, state: ClusterState) -> None:
        """See :meth:`HeadFirst.joins`."""
        newcomers = [job_of(task, state) for task in self._newcomers.since_last(pending, state)]
        if newcomers:
            self._tasks += [job.task for job in newcomers]
            rows = np.array([(job.task.arrival_s, job.seconds, job.slots) for job in newcomers])
            self._columns = np.concatenate([self._columns, rows.T], axis=1)

    def head(self, pending: Pending, state: ClusterState) -> Task:
        """See :meth:`HeadFirst.head`."""
        arrival_s, seconds, slots = self._columns
        now_s = -1.0 if self._as_published else state.now
        return self._tasks[int(np.argmax(self.urgency(now_s - arrival_s, seconds, slots)))]

    def leaves(self, task: Task) -> None:
        """See :meth:`HeadFirst.leaves`."""
        position = self._tasks.index(task)
        del self._tasks[position]
        self._columns = np.delete(self._columns, position, axis=1)

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline divisible tasks and task graphs, and where some task fits no single device."""
        return declines_divisible(cls.name, tasks, cluster)
