"""Where one task finishes earliest: on one device, or co-executed on one CPU and one GPU.

A share with fraction f of a divisible task on the GPU, the rest on the CPU, finishes at::

    max(A_cpu + (1 - f) T_cpu,  A_gpu + latency + f (T_gpu + transfer / link))

with A the second at which the device is believed free and T the whole task's seconds there. Both lines are straight,
so the best f is where they meet, f* = (A_cpu + T_cpu - A_gpu - latency) / (T_cpu + T_gpu + transfer / link), or an end
of the interval that memory allows; the same three points hold the minimum of any sum of finish, energy and cost with
weights of 0 or more, whose slope changes at f* only. (Two linear time models and their crossing: Luk, Hong & Kim,
Qilin, MICRO 2009.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from engine.cluster import Kind
from engine.device_state import EqualDevices
from engine.placement import Shares
from engine.state import ClusterState
from engine.task import Task
from engine.weights import Weights


class Side(NamedTuple):
    """One device as a place for a task.

    ``ready_s`` is when a share could compute (device free, data here, launch ``latency_s`` over), ``seconds`` the whole
    task there with its transfer, ``energy_w``/``price_per_s`` what a busy second of this task costs above idle;
    ``max_fraction`` what the device's memory can hold of the task (may exceed 1); ``delay`` the seconds that a busy
    second there makes others wait, for rules that count them.
    """

    device: int
    kind: Kind
    ready_s: float
    seconds: float
    latency_s: float = 0.0
    energy_w: float = 0.0
    price_per_s: float = 0.0
    max_fraction: float = math.inf
    delay: float = 0.0


class Split(NamedTuple):
    """A fraction on the GPU and the score of that split (weighted finish, energy and cost; lower is better)."""

    score: float
    gpu_fraction: float


def best_split(cpu: Side, gpu: Side, weights: Weights) -> Split | None:
    """Return the best split with work on both sides, or None when memory or an impossible side allows none."""
    total = cpu.seconds + gpu.seconds
    if not total < math.inf:
        return None
    low, high = _least_rest(cpu.max_fraction), min(1.0, gpu.max_fraction)
    meet = min(max((cpu.ready_s + cpu.seconds - gpu.ready_s) / total, low), high)
    if weights.energy == weights.cost == cpu.delay == gpu.delay == 0.0:
        # finish alone falls up to the meeting point and rises after it
        return Split(weights.time * finish_s(cpu, gpu, meet), meet) if 0.0 < meet < 1.0 and low <= high else None
    best: Split | None = None
    for f in (meet,) if low == 0.0 and high == 1.0 else (meet, low, high):
        if 0.0 < f < 1.0 and low <= f <= high:
            score = weights.time * finish_s(cpu, gpu, f) + _extra(cpu, 1.0 - f, weights) + _extra(gpu, f, weights)
            if best is None or score < best.score:
                best = Split(score, f)
    return best


def score_of(side: Side, weights: Weights) -> float:
    """Return the weighted finish, energy and cost of the whole task on one device; inf when it does not fit."""
    if side.max_fraction < 1.0:
        return math.inf
    return weights.time * (side.ready_s + side.seconds) + _extra(side, 1.0, weights)


def best_shares(task: Task, state: ClusterState, weights: Weights | None = None) -> Shares:
    """Return the shares with the best score under these weights, without any under those of the race.

    Any single device competes, and any CPU+GPU pair where the task is divisible. Ties go to the single device, then to
    the lowest index. Empty when the task fits nowhere.
    """
    if weights is None and state._plain:
        return _soonest_shares(task, state)
    return best_of(sides(task, state), task.divisible, weights or state.weights)


def soonest(task: Task, state: ClusterState, kind: Kind) -> int:
    """Return the device of one kind on which the whole task is believed to finish first, -1 where none can take it.

    Ties go to the lower index.
    """
    best, best_s = -1, math.inf
    if not (state._all_fit and state.independent):
        for side in sides(task, state, kind):
            finish_s = side.ready_s + side.seconds
            if finish_s < best_s and side.max_fraction >= 1.0:
                best, best_s = side.device, finish_s
        return best
    # the usual case, without the objects
    index, now_s = task.index, state.now
    slots = state._columns.slots[index]
    for group in state._groups:
        if group.kind == kind:
            busy_s = group.busy_s
            seconds = busy_s[index] if busy_s is not None else _busy_s(task, state, group)
            device, free_s = group.first_free(now_s, slots)
            finish_s = free_s + group.latency_s + seconds
            if finish_s < best_s:
                best, best_s = device, finish_s
    return best


def best_of(options: list[Side], divisible: bool, weights: Weights) -> Shares:
    """Return the shares with the best score: any side alone, or any CPU+GPU pair of them where the task is divisible.

    Ties go to the side alone, then to the first of ``options``. Empty when no side can take its part.
    """
    best_score = math.inf
    shares: Shares = ()
    for side in options:
        score = score_of(side, weights)
        if score < best_score:
            best_score, shares = score, ((side.device, 1.0),)
    if divisible:
        for cpu, gpu in pairs(options):
            split = best_split(cpu, gpu, weights)
            if split is not None and split.score < best_score:
                best_score, f = split
                shares = ((cpu.device, 1.0 - f), (gpu.device, f))
    return shares


def _busy_s(task: Task, state: ClusterState, group: EqualDevices) -> float:
    """Return the believed seconds of the whole task on such a device, its transfer included and its launch not."""
    first = group.first
    return state.expected(task)[first.model] / first.speed + state._columns.transfer_gb[task.index] * first.per_gb_s


def _soonest_shares(task: Task, state: ClusterState) -> Shares:
    """As :func:`best_shares` where finish alone counts and every task fits every device: the usual case, which runs for
    every placement, without the objects of :func:`best_of` (a test holds them to the same answer)."""
    columns, index, now_s = state._columns, task.index, state.now
    slots, time = columns.slots[index], state.weights.time
    best_score = math.inf
    shares: Shares = ()
    cpus: list[tuple[int, float, float]] = []
    gpus: list[tuple[int, float, float]] = []
    for group in state._groups:
        busy_s = group.busy_s
        seconds = busy_s[index] if busy_s is not None else _busy_s(task, state, group)
        if not seconds < math.inf:
            continue
        device, free_s = group.first_free(now_s, slots)
        ready_s = free_s + group.latency_s
        score = time * (ready_s + seconds)
        if score < best_score:
            best_score, shares = score, ((device, 1.0),)
        (cpus if group.kind == "cpu" else gpus).append((device, ready_s, seconds))
    if columns.divisible[index]:
        for cpu, cpu_ready_s, cpu_s in cpus:
            for gpu, gpu_ready_s, gpu_s in gpus:
                f = (cpu_ready_s + cpu_s - gpu_ready_s) / (cpu_s + gpu_s)
                if 0.0 < f < 1.0:
                    on_cpu_s, on_gpu_s = cpu_ready_s + (1.0 - f) * cpu_s, gpu_ready_s + f * gpu_s
                    score = time * (on_cpu_s if on_cpu_s > on_gpu_s else on_gpu_s)
                    if score < best_score:
                        best_score, shares = score, ((cpu, 1.0 - f), (gpu, f))
    if len(shares) == 2:
        state._legal_pair = shares
    return shares


def pairs(options: list[Side]) -> list[tuple[Side, Side]]:
    """Return all (CPU, GPU) pairs of sides."""
    gpus = [side for side in options if side.kind == "gpu"]
    return [(cpu, gpu) for cpu in options if cpu.kind == "cpu" for gpu in gpus]


def sides(
    task: Task,
    state: ClusterState,
    kind: Kind | None = None,
    *,
    order: float | None = None,
    delays: Sequence[float] | None = None,
) -> list[Side]:
    """Return the best device of each group of equal devices (of one kind): the one that is believed free first.

    With ``order``, for tasks without parents: the one on which a share with that order delays itself and those behind
    it least; its ``ready_s`` is when its turn comes, its ``delay`` how many wait behind it for each of its seconds.
    ``delays``, one for each of ``state.equals``, are added to that, for each slot that the task takes.
    """
    # straight from the columns: this runs for every placement, and each property costs a call
    columns, index = state._columns, task.index
    expected, now_s, slots = state.expected(task), state.now, columns.slots[index]
    memory_gb, transfer_gb = columns.memory_gb[index], columns.transfer_gb[index]
    has_parents = bool(columns.parents[index])
    found: list[Side] = []
    for number, group in enumerate(state._groups):
        if kind is not None and group.kind != kind:
            continue
        first = group.first
        seconds = expected[first.model] / first.speed + transfer_gb * first.per_gb_s
        if slots > group.slots or not seconds < math.inf:
            continue
        share = slots / group.slots
        delay = 0.0 if delays is None else delays[number] * slots
        if order is not None:
            device, free_s, behind = group.best_in_line(now_s, slots, order, seconds * share)
            delay += behind * share
        elif has_parents:
            device, free_s = _first_ready(task, state, group)
        else:
            device, free_s = group.first_free(now_s, slots)
        if device >= 0:
            side = (
                device,
                group.kind,
                free_s + first.latency_s,
                seconds,
                first.latency_s,
                group.extra_w * share,
                group.price_per_s * share,
                _largest_fraction(memory_gb, group.memory_gb) if memory_gb > group.memory_gb else math.inf,
                delay,
            )
            found.append(tuple.__new__(Side, side))  # past the named tuple's own constructor, as in placement.on
    return found


def _first_ready(task: Task, state: ClusterState, group: EqualDevices) -> tuple[int, float]:
    """As :meth:`EqualDevices.first_free`, for a task whose parents' data must be there too."""
    best, best_s = -1, math.inf
    for device in group.devices:
        free_s = max(device.available_at(state.now, task.slots), state.data_ready(task, device.index))
        if free_s < best_s:
            best, best_s = device.index, free_s
    return best, best_s


def finish_s(cpu: Side, gpu: Side, f: float) -> float:
    """Return when a task with the fraction f on the GPU finishes; a side with no share does not count."""
    if f <= 0.0:
        return cpu.ready_s + cpu.seconds
    if f >= 1.0:
        return gpu.ready_s + gpu.seconds
    on_cpu_s, on_gpu_s = cpu.ready_s + (1.0 - f) * cpu.seconds, gpu.ready_s + f * gpu.seconds
    return on_cpu_s if on_cpu_s > on_gpu_s else on_gpu_s


def _extra(side: Side, fraction: float, weights: Weights) -> float:
    """What a share adds to the score beside time."""
    busy_s = side.latency_s + side.seconds * fraction
    per_s = weights.time * side.delay + weights.energy * side.energy_w + weights.cost * side.price_per_s
    return per_s * busy_s


def _largest_fraction(task_gb: float, device_gb: float) -> float:
    """Return the largest fraction f with f x task <= device, exactly, of a task larger than the device."""
    fraction = device_gb / task_gb
    while fraction * task_gb > device_gb:
        fraction = math.nextafter(fraction, 0.0)
    return fraction


def _least_rest(max_fraction: float) -> float:
    """Return the smallest f for which 1 - f is at most ``max_fraction``, exactly."""
    rest = max(0.0, 1.0 - max_fraction)
    while 1.0 - rest > max_fraction:
        rest = math.nextafter(rest, 1.0)
    return rest
