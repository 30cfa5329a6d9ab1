"""Load: how the arrival rate compares with the largest rate that any schedule can sustain on a cluster.

The largest rate is n / T*, where T* solves the fractional linear program of the true task mix: choose for every task i
and group g of identical devices the fraction x[i, g] of its work,

    minimise T   subject to   sum_g x[i, g] = 1   and   sum_i x[i, g] * c[i, g] <= T * slots[g],

with ``c`` the slot-seconds of the whole task there. In a real schedule an indivisible task has only x = 0 or 1, so the
rate may be a little optimistic, never pessimistic. For one and two groups the solution is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.cluster import Cluster, Device
from engine.errors import InputError
from engine.workload import FloatArray, IntArray, Workload

# Three groups and 20,000 tasks: HiGHS 0.9 s, cutting planes 0.2 s; 100,000 tasks: 34 s and 0.9 s. Many groups and few
# tasks (512 on 16 machines) are the other way round: 0.06 s and 2.3 s.
_LARGEST_PROGRAM = 20_000
_MOST_CUTS, _GAP = 1000, 1e-7
# HiGHS stops at 1e-7 by itself, which is as coarse as the gap that is asked for here
_EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}

Solver = Callable[[FloatArray, FloatArray, FloatArray], float]


@dataclass(frozen=True, slots=True, eq=False)
class WorkByGroup:
    """The linear program's figures: ``cost`` (n x g, slot-seconds; 0 where ``most`` is 0), ``most`` (n x g, the largest
    fraction of the task that fits the group) and ``slots`` (g)."""

    cost: FloatArray
    most: FloatArray
    slots: FloatArray


def sustainable_rate(workload: Workload, cluster: Cluster) -> float:
    """Return the largest arrival rate (tasks/s) of this mix that any schedule can sustain on the cluster.

    Speeds are those at the start (``speed_at`` left out). Raises :class:`InputError` for a task that fits no device.
    """
    work = work_by_group(workload, cluster)
    return len(workload) / shortest_time_s(work)


def shortest_time_s(work: WorkByGroup) -> float:
    """Return T*, the least time in which the groups can do all the work (precedence and arrivals left out)."""
    if len(work.slots) == 1:
        return float(work.cost.sum() / work.slots[0])
    return _solver(work)(work.cost, work.most, work.slots)


def _solver(work: WorkByGroup) -> Solver:
    if len(work.slots) == 2:
        return two_groups_s
    return linear_program_s if work.cost.size <= _LARGEST_PROGRAM else cutting_planes_s


def work_by_group(workload: Workload, cluster: Cluster) -> WorkByGroup:
    """Return what every task costs on every group of identical devices."""
    columns = cluster.columns_in(workload.models)
    members = equally_fast(cluster, columns)
    most = np.stack([_most(workload, group, columns[group[0].index]) for group in members], axis=1)
    nowhere = most.sum(axis=1) < 1 - 1e-12  # parts of a divisible task add up with rounding
    if nowhere.any():
        raise InputError(f"Task {int(np.argmax(nowhere))} of '{workload.name}' fits no device of '{cluster.name}'.")
    cost = np.stack([_cost(workload, group[0], columns[group[0].index]) for group in members], axis=1)
    slots = np.array([sum(device.slots for device in group) for group in members], dtype=np.float64)
    return WorkByGroup(np.where(most > 0, cost, 0.0), most, slots)


def equally_fast(cluster: Cluster, columns: list[int]) -> list[list[Device]]:
    """Return the devices in groups that any task takes equally long on; ``columns`` are theirs of the ETC matrix."""
    groups: dict[tuple[float | None, ...], list[Device]] = {}
    for device, column in zip(cluster.devices, columns, strict=True):
        key = (column, device.speed, device.slots, device.memory_gb, device.link_gb_s, device.link_latency_s)
        groups.setdefault(key, []).append(device)
    return list(groups.values())


def _most(w: Workload, group: list[Device], column: int) -> FloatArray:
    """A divisible task may spread its memory over the devices of a group; others need all of it in one place."""
    with np.errstate(divide="ignore"):
        part = group[0].memory_gb / w.memory_gb
    most = np.where(w.divisible, np.minimum(1.0, part * len(group)), np.where(part >= 1, 1.0, 0.0))
    possible = np.isfinite(w.actual_s[:, column]) & (w.slots <= group[0].slots)
    result: FloatArray = np.where(possible, most, 0.0)
    return result


def _cost(w: Workload, device: Device, column: int) -> FloatArray:
    seconds = w.actual_s[:, column] / device.speed
    if device.link_gb_s is not None:
        seconds = seconds + device.link_latency_s + w.transfer_gb / device.link_gb_s
    result: FloatArray = seconds * w.slots
    return result


def two_groups_s(cost: FloatArray, most: FloatArray, slots: FloatArray) -> float:
    """Closed form for two groups: the tasks that gain most from the first go there, and one task is shared.

    What fits only one group stays there; the rest moves from the second group to the first in order of the cost ratio
    until both are equally long.
    """
    first, second, _ = _moved_over(cost, most, slots)
    crossing = int(np.searchsorted(first - second, 0.0))
    if crossing == 0:
        return float(first[0])
    if crossing == len(first):
        return float(second[-1])
    gap_before = second[crossing - 1] - first[crossing - 1]
    gap_after = first[crossing] - second[crossing]
    share = gap_before / (gap_before + gap_after)
    return float(first[crossing - 1] + share * (first[crossing] - first[crossing - 1]))


def _moved_over(cost: FloatArray, most: FloatArray, slots: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return how long both groups work after none, one, two ... tasks have moved to the first, and their order.

    No product by BLAS: its last bits depend on its threads, and the arrival times of a race are made of these seconds.
    """
    at_least = 1.0 - most[:, 1]
    free = most[:, 0] - at_least
    order = np.argsort(cost[:, 0] / np.maximum(cost[:, 1], 1e-300), kind="stable")
    order = order[free[order] > 0]
    first = (at_least * cost[:, 0]).sum() + np.concatenate([[0.0], np.cumsum((free * cost[:, 0])[order])])
    moved = np.concatenate([[0.0], np.cumsum((free * cost[:, 1])[order])])
    second = (most[:, 1] * cost[:, 1]).sum() - moved
    return first / slots[0], np.maximum(second, 0.0) / slots[1], order


def linear_program_s(cost: FloatArray, most: FloatArray, slots: FloatArray) -> float:
    """Any number of groups, by HiGHS."""
    answer, scale = _solved(cost, most, slots)
    if not answer.success:
        raise InputError(f"The load of this workload on this cluster cannot be computed: {answer.message}")
    return float(answer.x[0] * scale)


def optimal_fractions(cost: FloatArray, most: FloatArray, slots: FloatArray) -> FloatArray:
    """Return the x[i, g] (n x g, rows that sum to 1) of a schedule that reaches T*."""
    answer, _ = _solved(cost, most, slots)
    if not answer.success:
        raise InputError(f"The best split of this workload on this cluster cannot be computed: {answer.message}")
    fractions = np.clip(answer.x[1:], 0.0, 1.0).reshape(cost.shape)
    result: FloatArray = fractions / fractions.sum(axis=1, keepdims=True)
    return result


def slot_prices(cost: FloatArray, most: FloatArray, slots: FloatArray) -> FloatArray:
    """Return the dual solution: what a slot of each group is worth, all slots together worth 1.

    Equal prices when HiGHS finds none; any prices bound T* from below (:func:`priced_work_s`).
    """
    if len(slots) == 2:
        prices = _two_prices(cost, most, slots)
    elif len(slots) == 1:
        prices = np.ones(1)
    else:
        answer, _ = _solved(cost, most, slots)
        prices = np.maximum(-answer.ineqlin.marginals, 0.0) if answer.success else np.ones(len(slots))
    result: FloatArray = prices / float(prices @ slots)
    return result


def _two_prices(cost: FloatArray, most: FloatArray, slots: FloatArray) -> FloatArray:
    """The task that is shared costs the same on both groups; the group that has all it can have is worth nothing."""
    first, second, order = _moved_over(cost, most, slots)
    crossing = int(np.searchsorted(first - second, 0.0))
    if crossing == 0:
        return np.array([1.0, 0.0])
    if crossing == len(first):
        return np.array([0.0, 1.0])
    result: FloatArray = cost[order[crossing - 1], ::-1] / cost[order[crossing - 1]].max()
    return result


def priced_work_s(cost: FloatArray, most: FloatArray, prices: FloatArray) -> FloatArray:
    """Return what each task's work (n) costs at these prices where it is cheapest, in seconds of the whole cluster.

    Weak duality: no schedule can do the task's work for less, and none does more than 1 of it in a second, the worth of
    all slots. So the sum is at most T*; at the dual solution it is T*.
    """
    result: FloatArray = (_cheapest_shares(cost, most, prices) * cost) @ prices
    return result


def _solved(cost: FloatArray, most: FloatArray, slots: FloatArray) -> tuple[Any, float]:
    """Return HiGHS's answer and the scale of its T; the variables are T and x[i, g], row by row."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix

    n, g = cost.shape
    scale = cost.max()
    cells = np.arange(n * g)
    one_each = coo_matrix((np.ones(n * g), (cells // g, cells + 1)), shape=(n, n * g + 1))
    rows = np.concatenate([cells % g, np.arange(g)])
    values = np.concatenate([cost.ravel() / scale, -slots])
    capacity = coo_matrix((values, (rows, np.concatenate([cells + 1, np.zeros(g, dtype=int)]))), shape=(g, n * g + 1))
    bounds = np.column_stack([np.zeros(n * g + 1), np.concatenate([[np.inf], most.ravel()])])
    objective = np.concatenate([[1.0], np.zeros(n * g)])
    answer = linprog(
        objective, A_ub=capacity.tocsr(), b_ub=np.zeros(g), A_eq=one_each.tocsr(), b_eq=np.ones(n), bounds=bounds,
        method="highs", options=_EXACT,
    )  # fmt: skip
    return answer, float(scale)


def cutting_planes_s(cost: FloatArray, most: FloatArray, slots: FloatArray) -> float:
    """The same for many tasks on few groups, by Kelley's cutting planes (1960) on the dual.

    Prices for the groups' slots, all slots together worth 1, bound T* from below by what the work costs when each task
    goes where it is cheapest; the best prices reach T*. Every trial adds a plane above that concave function; the
    answer is at most 1e-7 below T*.
    """
    from scipy.optimize import linprog

    scale = cost.sum() / cost.shape[1] / slots.sum()
    scaled, prices, cuts, best = cost / scale, np.full(len(slots), 1.0 / slots.sum()), [], 0.0
    for _ in range(_MOST_CUTS):
        work = (_cheapest_shares(scaled, most, prices) * scaled).sum(axis=0)
        best = max(best, float(prices @ work))
        cuts.append(work)
        planes = np.column_stack([np.ones(len(cuts)), -np.array(cuts)])
        answer = linprog(
            np.concatenate([[-1.0], np.zeros(len(slots))]), A_ub=planes, b_ub=np.zeros(len(cuts)),
            A_eq=[[0.0, *slots]], b_eq=[1.0], method="highs", options=_EXACT,
        )  # fmt: skip
        if not answer.success or answer.x[0] - best <= _GAP * best:
            break
        prices = answer.x[1:]
    return best * float(scale)


def _cheapest_shares(cost: FloatArray, most: FloatArray, prices: FloatArray) -> FloatArray:
    """Return the fractions (n x g) when every task fills its cheapest groups first."""
    order = np.argsort(np.where(most > 0, cost * prices, np.inf), axis=1, kind="stable")
    room = np.take_along_axis(most, order, axis=1)
    share = np.empty_like(cost)
    np.put_along_axis(share, order, np.clip(1.0 - (np.cumsum(room, axis=1) - room), 0.0, room), axis=1)
    return share
