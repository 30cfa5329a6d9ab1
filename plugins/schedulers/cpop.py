"""CPOP: the critical path on one device."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, on
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from plugins.schedulers.static_plan import Graph, Plan, declines_plan


class Cpop(Scheduler):
    """Critical Path on a Processor (Topcuoglu, Hariri & Wu, IEEE TPDS 13(3), 2002, section 4.3).

    The priority of a task is rank_u + rank_d. The critical path starts at the entry of highest priority and goes on
    to the child of highest priority; all its tasks go to the one device that runs them fastest together. Of the ready
    tasks the one of highest priority is planned next; those beside the critical path go where they finish first, gaps
    used. A task of the path that does not fit that device (the paper has no such) goes where it finishes first too.
    """

    name = "cpop"
    summary = "For task graphs: the critical path stays on one device, the rest goes where it finishes first."
    explanation = (
        "cpop: Topcuoglu, Hariri & Wu 2002. Plans the whole DAG at the start; the right choice where one long chain "
        "rules the makespan and moving its data is dear, otherwise heft is mostly better. It cannot learn within a "
        "race."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        graph = Graph(pending, state)
        up, down = graph.upward_ranks(), graph.downward_ranks()
        priority = {i: up[i] + down[i] for i in graph.tasks}
        path = _critical_path(graph, priority)
        path_device = _device_of_path(graph, path, len(state.devices))
        plan = Plan(graph, state)
        for index in graph.by_priority(priority):
            option = (plan.option(index, path_device) if index in path else None) or min(plan.options(index))
            plan.put(index, option)
            yield on(graph.tasks[index], option[1], order=option[2])

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline what the plan cannot hold: tasks that arrive later, several slots."""
        return declines_plan(cls.name, tasks, cluster)


def _critical_path(graph: Graph, priority: dict[int, float]) -> set[int]:
    """Return the tasks of one critical path. All of them have the same priority, but for rounding, and none a higher:
    following the highest finds them without comparing sums for equality."""
    ahead = [i for i, parents in graph.parents.items() if not parents]
    path: set[int] = set()
    while ahead:
        index = max(ahead, key=lambda i: (priority[i], -i))
        path.add(index)
        ahead = [child for child, _ in graph.children[index]]
    return path


def _device_of_path(graph: Graph, path: set[int], devices: int) -> int:
    """Return the device that can run most of the path, and of several such the one that runs it fastest."""

    def badness(device: int) -> tuple[int, float]:
        seconds = [graph.seconds[i][device] for i in sorted(path)]
        finite = [s for s in seconds if s < float("inf")]
        return len(seconds) - len(finite), sum(finite)

    return min(range(devices), key=badness)
