"""Qilin's adaptive mapping: split every divisible task so that its CPU part and its GPU part take equally long."""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.cluster import Cluster
from engine.pending import Pending
from engine.placement import Placement, Shares
from engine.scheduler import Scheduler
from engine.split import Side, best_split, pairs, sides
from engine.state import ClusterState
from engine.task import TaskColumns
from engine.weights import Weights
from plugins.schedulers.declining import nowhere_split

_TIME_ALONE = Weights()


class SplitBalance(Scheduler):
    """Adaptive mapping (Luk, Hong & Kim, Qilin, MICRO 2009, section 3): two linear time models and their crossing.

    The fraction of a divisible task is fixed by its own seconds: (1 - f) T_cpu = latency + f (T_gpu + transfer / link),
    as far as memory allows; as in the paper, what waits on the devices does not change it. Where several pairs of CPU
    and GPU are there, which the paper has not, the pair on which the task then ends first takes it. A task without such
    a crossing (indivisible, or the launch takes longer than the whole task on the CPU) goes whole where it ends first.
    """

    name = "split_balance"
    summary = "Splits each task so that its CPU part and its GPU part take equally long, whatever waits there."
    explanation = (
        "split_balance: Luk, Hong & Kim, Qilin, MICRO 2009. The right choice for one large divisible task at a time on "
        "an idle machine; under load mct, which also weighs the queues, is ahead."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`."""
        for task in pending.ready():
            options = sides(task, state)
            yield Placement(task, (_balanced(options) if task.divisible else ()) or _whole(options))

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline where some task fits neither one device nor a CPU and a GPU together."""
        return nowhere_split(cls.name, tasks, cluster)


def _balanced(options: list[Side]) -> Shares:
    """Return the balanced shares on the pair that ends first; empty when no pair has any."""
    shares: Shares = ()
    best_s = math.inf
    for cpu, gpu in pairs(options):
        split = best_split(_idle(cpu), _idle(gpu), _TIME_ALONE)
        if split is None:
            continue
        f = split.gpu_fraction
        finish_s = max(cpu.ready_s + (1.0 - f) * cpu.seconds, gpu.ready_s + f * gpu.seconds)
        if finish_s < best_s:
            best_s, shares = finish_s, ((cpu.device, 1.0 - f), (gpu.device, f))
    return shares


def _idle(side: Side) -> Side:
    return side._replace(ready_s=side.latency_s)


def _whole(options: list[Side]) -> Shares:
    fitting = [side for side in options if side.max_fraction >= 1.0]
    return ((min(fitting, key=lambda side: (side.ready_s + side.seconds, side.device)).device, 1.0),)
