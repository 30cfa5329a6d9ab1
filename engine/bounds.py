"""Lower bounds: what no schedule can beat, so that every policy's gap to the possible is known.

Both rest on the true seconds, and on each device's fastest speed since the first arrival: no share ever runs shorter.

*One task* alone on the empty cluster: its shares run one a device, and a share of fraction f takes at least
latency + f x (seconds / speed + transfer / link). An indivisible task takes at least the least of these with f = 1,
over the devices that it fits. The shares of a divisible one all end within T seconds of its first start only if

    sum over devices of min(most, max(0, (T - latency) / (seconds / speed + transfer / link))) >= 1,

``most`` being the fraction that the device's memory holds; the least such T is its bound. No task starts before it has
arrived and its parents have finished, so by induction along the graph it finishes no earlier than

    earliest = max(arrival, the parents' earliest) + that.

The mean of earliest - arrival bounds the mean response, the latest ``earliest`` the makespan (the critical path).

*All tasks together*: give every group of devices a price, all slots together worth 1. No schedule does a task's work
for less than it costs where it is cheapest, and none does more than 1 of such work in a second. So all of it would be
done no later, and the responses would be no longer on average, on *one* machine that works off these costs, each from
the second on at which its task can start at the earliest, in any pieces: a relaxation in which the shortest remaining
work first has the least mean response (Schrage, Operations Research 16(3), 1968), and any machine that never idles the
least makespan. Any prices will do; the best are the dual solution of the linear program of :mod:`engine.load`, with
which all costs add up to its T*. One and two groups are closed; for more, the prices are those of every k-th task,
where there are many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from heapq import heappop, heappush, heapreplace

import numpy as np

from engine.cluster import Cluster, Device
from engine.load import equally_fast, priced_work_s, slot_prices, work_by_group
from engine.workload import FloatArray, IntArray, Workload, children_of

_HALVINGS = 54  # until two doubles are neighbours
_BLOCK = 2**18  # cells (tasks x groups) at once, 2 MB a column
_PRICED = 10_000  # cells: a program that HiGHS solves within a tenth of a second
_MOST_CELLS = 5_000_000  # beyond, the costs are not cheap to find, and only what a task takes alone bounds the race
_FORGIVEN = 2e-9
"""The contract forgives fractions that sum to 1 - 1e-9, and rounding takes its share: so much a schedule may seem to be
better than a bound."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What no schedule of these tasks on this cluster can beat, in seconds.

    ``makespan_s`` is the larger of ``critical_path_s`` and ``work_s``, that of all work together (0 where a program of
    so many tasks and groups is not cheap).
    """

    makespan_s: float
    critical_path_s: float
    work_s: float
    mean_response_s: float


def lower_bounds(workload: Workload, cluster: Cluster) -> Bounds | None:
    """Return the bounds; None when a task fits no device, so that no schedule is possible."""
    first_s = float(workload.arrival_s.min())
    fastest = _fastest(cluster, first_s)
    alone_s = _alone_s(workload, fastest)
    if not np.isfinite(alone_s).all():
        return None
    earliest_s = _earliest_finish_s(workload, alone_s)
    response_s = earliest_s - workload.arrival_s
    critical_path_s = float(earliest_s.max()) - first_s
    together_s, work_s = _one_machine_s(workload, earliest_s - alone_s, _work_s(workload, fastest))
    return Bounds(
        makespan_s=max(critical_path_s, work_s),
        critical_path_s=critical_path_s,
        work_s=work_s,
        mean_response_s=max(float(response_s.mean()), together_s),
    )


def gap(value: float, bound: float) -> float | None:
    """Return value / bound - 1: how far above the possible; None where the bound is 0 or infinite.

    A value below the bound by no more than the contract and rounding forgive counts as on it; any other would be a
    defect, and stays visible as a negative gap.
    """
    if not 0.0 < bound < math.inf:
        return None
    above = value / bound - 1.0
    return 0.0 if -_FORGIVEN <= above < 0.0 else above


def earliest_finish_s(workload: Workload, cluster: Cluster) -> FloatArray:
    """Return the simulated second (n) before which no schedule finishes each task; inf where it fits no device."""
    return _earliest_finish_s(workload, _alone_s(workload, _fastest(cluster, float(workload.arrival_s.min()))))


def _earliest_finish_s(workload: Workload, alone_s: FloatArray) -> FloatArray:
    if not workload.has_parents:
        return workload.arrival_s + alone_s
    start_s, alone = workload.arrival_s.tolist(), alone_s.tolist()
    children, missing = children_of(workload), np.diff(workload.parent_start).tolist()
    finish_s = np.empty(len(workload))
    free = [task for task, parents in enumerate(missing) if not parents]
    while free:
        task = free.pop()
        finish_s[task] = done_s = start_s[task] + alone[task]
        for child in children[task]:
            start_s[child] = max(start_s[child], done_s)
            missing[child] -= 1
            if not missing[child]:
                free.append(child)
    return finish_s


def _fastest(cluster: Cluster, since_s: float) -> Cluster:
    """Return the cluster without drift, every device at the fastest speed that it has at or after a second."""
    devices = []
    for device in cluster.devices:
        factors = [device.speed_factor(since_s), *(factor for at_s, factor in device.speed_at if at_s > since_s)]
        devices.append(replace(device, speed=device.speed * max(factors), speed_at=()))
    return replace(cluster, devices=tuple(devices))


def _alone_s(w: Workload, cluster: Cluster) -> FloatArray:
    """Return the least seconds (n) between a task's first start and its last finish."""
    columns = cluster.columns_in(w.models)
    groups = equally_fast(cluster, columns)
    models = [columns[group[0].index] for group in groups]
    best_s = np.full(len(w), math.inf)
    for group, model in zip(groups, models, strict=True):
        fits = (w.memory_gb <= group[0].memory_gb) & (w.slots <= group[0].slots)
        np.minimum(best_s, np.where(fits, _seconds(w, group[0], model), math.inf), out=best_s)
    divisible = np.flatnonzero(w.divisible) if len(cluster.devices) > 1 else np.zeros(0, np.int64)
    for part in np.array_split(divisible, len(divisible) * len(groups) // _BLOCK + 1):
        best_s[part] = _divided_s(w, groups, models, part, best_s[part])
    return best_s


def _seconds(w: Workload, device: Device, model: int) -> FloatArray:
    """Return the seconds of the whole tasks, rounded as the simulation rounds them."""
    seconds = w.actual_s[:, model] / device.speed
    if device.link_gb_s is not None:
        seconds = seconds + (device.link_latency_s + w.transfer_gb * (1.0 / device.link_gb_s))
    result: FloatArray = seconds
    return result


def _divided_s(
    w: Workload, groups: list[list[Device]], models: list[int], part: IntArray, whole_s: FloatArray
) -> FloatArray:
    """Return the least seconds of the divisible tasks ``part``, by bisection; ``whole_s`` are theirs on one device."""
    latency_s = np.array([[group[0].link_latency_s] for group in groups])
    count = np.array([len(group) for group in groups], dtype=np.float64)
    share_s = np.stack([_seconds(w, g[0], m)[part] - g[0].link_latency_s for g, m in zip(groups, models, strict=True)])
    with np.errstate(divide="ignore"):
        most = np.minimum(1.0, np.array([[group[0].memory_gb] for group in groups]) / w.memory_gb[part])
    fits = np.isfinite(share_s) & (w.slots[part] <= np.array([[group[0].slots] for group in groups]))
    most, share_s = np.where(fits, most, 0.0), np.where(fits, share_s, 1.0)
    slowest_s = np.where(fits, latency_s + most * share_s, 0.0).max(axis=0)
    low_s, high_s = np.zeros(len(part)), np.where(np.isfinite(whole_s), whole_s, slowest_s)
    for _ in range(_HALVINGS):
        middle_s = (low_s + high_s) / 2
        done = count @ np.minimum(most, np.maximum(0.0, (middle_s - latency_s) / share_s))
        low_s, high_s = np.where(done < 1.0, middle_s, low_s), np.where(done < 1.0, high_s, middle_s)
    return np.where(count @ most < 1.0 - 1e-12, math.inf, low_s)


def _work_s(w: Workload, cluster: Cluster) -> FloatArray | None:
    """Return what each task's work (n) costs at the best prices, or nearly so; None where even that is not cheap."""
    cells = len(w) * len(equally_fast(cluster, cluster.columns_in(w.models)))
    if cells > _MOST_CELLS:
        return None
    work = work_by_group(w, cluster)
    every = slice(None, None, math.ceil(cells / _PRICED) if len(work.slots) > 2 else 1)
    return priced_work_s(work.cost, work.most, slot_prices(work.cost[every], work.most[every], work.slots))


def _one_machine_s(w: Workload, start_s: FloatArray, work_s: FloatArray | None) -> tuple[float, float]:
    """Return (mean response, makespan) when one machine does the shortest remaining work first; (0, 0) without work."""
    if work_s is None:
        return 0.0, 0.0
    order = np.argsort(start_s, kind="stable")
    columns = (start_s[order].tolist(), work_s[order].tolist(), w.arrival_s[order].tolist())
    response_s, now_s = 0.0, 0.0
    waiting: list[tuple[float, float]] = []  # remaining work, arrival
    for next_s, work, arrival_s in (*zip(*columns, strict=True), (math.inf, 0.0, 0.0)):
        while waiting and now_s < next_s:
            left_s, arrived_s = waiting[0]
            if now_s + left_s > next_s:
                heapreplace(waiting, (left_s - (next_s - now_s), arrived_s))
                break
            now_s += left_s
            response_s += now_s - arrived_s
            heappop(waiting)
        if next_s < math.inf:
            now_s = max(now_s, next_s)
            heappush(waiting, (work, arrival_s))
    return response_s / len(w), now_s - float(w.arrival_s.min())
