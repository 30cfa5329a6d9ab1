"""PEFT: HEFT that looks ahead by an optimistic cost table."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.static_plan import Graph, Plan, declines_plan


class Peft(Scheduler):
    """Predict Earliest Finish Time (Arabnejad & Barbosa, IEEE TPDS 25(3), 2014).

    OCT(i, p) (eq. 5) is the longest way from task i on device p to an exit, each later task on its best device. Of the
    ready tasks the one with the highest mean OCT (eq. 6) is planned next, on the device with the least sum of its
    earliest finish, gaps used, and its OCT (eq. 7).
    """

    name = "peft"
    summary = "For task graphs: as heft, but each device is also judged by what it means for the tasks that follow."
    explanation = (
        "peft: Arabnejad & Barbosa 2014. Plans the whole DAG at the start; the right choice where devices differ much "
        "from task to task, so that the earliest finish now may cost time later. It cannot learn within a race."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        graph = Graph(pending, state)
        table = optimistic_costs(graph)
        rank = {i: sum(row) / len(row) for i, row in table.items()}
        plan = Plan(graph, state)
        for index in graph.by_priority(rank):
            ahead_s = table[index]
            option = min(plan.options(index), key=lambda o: (o[0] + ahead_s[o[1]], o[1]))
            plan.put(index, option)
            yield on(graph.tasks[index], option[1], order=option[2])

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline what the plan cannot hold: tasks that arrive later, several slots."""
        return declines_plan(cls.name, tasks, cluster)


def optimistic_costs(graph: Graph) -> dict[int, list[float]]:
    """Return OCT(i, p) for each task and device (eq. 5): the maximum over the children j of the minimum over the
    devices q of OCT(j, q) + w(j, q) + (0 if q is p, else c(i, j))."""
    table: dict[int, list[float]] = {}
    soonest_s: dict[int, float] = {}
    for i in reversed(graph.order):
        row = [0.0] * len(graph.seconds[i])
        for child, transfer_s in graph.children[i]:
            # staying costs no transfer, so the least over all devices may stand for the least over the others
            moved_s = soonest_s[child] + transfer_s
            own = zip(row, table[child], graph.seconds[child], strict=True)
            row = [max(so_far, min(ahead_s + seconds, moved_s)) for so_far, ahead_s, seconds in own]
        table[i] = row
        soonest_s[i] = min(ahead_s + seconds for ahead_s, seconds in zip(row, graph.seconds[i], strict=True))
    return table
