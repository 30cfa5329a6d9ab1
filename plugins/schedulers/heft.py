"""HEFT, with or without insertion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.cluster import Cluster
from engine.params import parameter
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.static_plan import Graph, Plan, declines_plan


@dataclass(frozen=True)
class HeftParams:
    """How the plan is filled."""

    insertion: bool = parameter(True, "Whether a task may use a gap between two planned ones, as the paper does")


class Heft(Scheduler):
    """Heterogeneous Earliest Finish Time (Topcuoglu, Hariri & Wu, IEEE TPDS 13(3), 2002, section 4.2).

    Ranks by eq. 5, rank(i) = w(i) + max over children (c(i, j) + rank(j)), with w the mean seconds over the devices
    and c the mean communication; places all tasks in its first call, each where it finishes first, in gaps too. The
    order of start times is the order of each device's queue.
    """

    name = "heft"
    summary = "The classic for task graphs: critical tasks first, each where it finishes first, gaps used."
    explanation = (
        "heft: Topcuoglu, Hariri & Wu 2002. Plans the whole DAG at the start from expected seconds; the right choice "
        "for task graphs whose times are known. It cannot learn within a race: all is placed in the first call."
    )
    Params = HeftParams

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        graph = Graph(pending, state)
        plan = Plan(graph, state, insertion=self.params.insertion)
        rank = graph.upward_ranks()
        # equal ranks keep the topological order: a child too short to be seen in its parent's rank comes after it
        for index in sorted(graph.order, key=rank.__getitem__, reverse=True):
            option = min(plan.options(index))
            plan.put(index, option)
            yield on(graph.tasks[index], option[1], order=option[2])

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline what the plan cannot hold: tasks that arrive later, several slots."""
        return declines_plan(cls.name, tasks, cluster)
