"""The fractional optimum: all tasks split over all devices so that no schedule could end earlier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from engine.cluster import Cluster
from engine.load import optimal_fractions
from engine.pending import Pending
from engine.placement import Placement, split
from engine.scheduler import Scheduler
from engine.state import ClusterState
from engine.task import TaskColumns
from engine.workload import FloatArray

_MOST_CELLS = 100_000
"""Tasks x devices: 60,000 take HiGHS a second, 300,000 half a minute."""
_SLIVER = 1e-12
"""Fractions below this are rounding at the seam between two devices."""


class LpSplit(Scheduler):
    """The linear program of independent divisible work on unrelated machines (Lawler & Labetoulle, JACM 25, 1978).

    Solves, on the expected seconds c of every task i on every group g of equal devices: minimise T subject to
    sum_g x[i, g] = 1 and sum_i x[i, g] c[i, g] <= T devices[g]; the fractions of a group are dealt out to its devices
    by wrapping around (McNaughton, Management Science 6, 1959). Shares of one task may overlap in time (so the bound of
    those papers on a task's own length falls away) and each device works without a gap until T: no schedule can end
    before, as far as the expected seconds are right.
    """

    name = "lp_split"
    summary = "Splits a batch of divisible tasks by linear programming: the earliest end that there is."
    explanation = (
        "lp_split: the fractional linear program, Lawler & Labetoulle 1978. The right choice for a batch of divisible "
        "tasks that is all there at the start, and the yardstick for all others on it. It ends first as a whole; a "
        "single task may wait long."
    )

    def place(self, pending: Pending, state: ClusterState) -> Iterable[Placement]:
        """See :meth:`engine.scheduler.Scheduler.place`. Places all in its first call."""
        tasks, groups = list(pending), state.equals
        seconds: FloatArray = np.array(
            [[state.seconds(t, g[0]) if state.fits(t, g[0]) else np.inf for g in groups] for t in tasks]
        )
        possible = np.isfinite(seconds)
        seconds[~possible] = 0.0
        fractions = optimal_fractions(seconds, possible.astype(float), np.array([float(len(g)) for g in groups]))
        shares: list[dict[int, float]] = [{} for _ in tasks]
        for column, group in enumerate(groups):
            for row, device, fraction in _wrapped(fractions[:, column], seconds[:, column], group):
                shares[row][device] = fraction
        for task, own in zip(tasks, shares, strict=True):
            total = sum(own.values())
            yield split(task, {device: fraction / total for device, fraction in own.items()})

    @classmethod
    def declines(cls, tasks: TaskColumns, cluster: Cluster) -> str | None:
        """Decline all but independent, divisible tasks of one slot that are all there at once and need no transfer."""
        if any(tasks.parents):
            return "lp_split splits independent tasks, but this workload's tasks wait for each other."
        if min(tasks.arrival_s) < max(tasks.arrival_s):
            return "lp_split plans one batch at the start, but this workload's tasks arrive over time."
        if not all(tasks.divisible):
            return f"lp_split splits every task, but task {tasks.divisible.index(False)} is not divisible."
        if max(tasks.slots) > 1 or any(d.slots > 1 for d in cluster.devices):
            return "lp_split plans devices and tasks of one slot each."
        if any(
            d.link_latency_s > 0 or (d.link_gb_s is not None and max(tasks.transfer_gb) > 0) for d in cluster.devices
        ):
            return "lp_split plans without transfers, but this cluster's links cost time."
        if max(tasks.memory_gb) > min(d.memory_gb for d in cluster.devices):
            return "lp_split plans without memory limits, but some task does not fit some device whole."
        if len(tasks.tasks) * len(cluster.devices) > _MOST_CELLS:
            return f"lp_split solves a program of tasks x devices, at most {_MOST_CELLS:,}; this one is larger."
        return None


def _wrapped(fractions: FloatArray, seconds: FloatArray, group: Sequence[int]) -> Iterator[tuple[int, int, float]]:
    """Yield (row, device, fraction): a group's work in a row, cut into equal lengths, one for each device."""
    work_s = fractions * seconds
    ends_s = np.cumsum(work_s)
    cuts_s = ends_s[-1] * np.arange(1, len(group)) / len(group)
    for row in np.flatnonzero(fractions > _SLIVER).tolist():
        begin_s, end_s = ends_s[row] - work_s[row], ends_s[row]
        first, last = np.searchsorted(cuts_s, (begin_s, end_s))
        seams_s = [begin_s, *cuts_s[first:last], end_s]
        for place, (a, b) in enumerate(pairwise(seams_s), start=int(first)):
            if (b - a) / seconds[row] > _SLIVER:
                yield row, group[place], float((b - a) / seconds[row])
