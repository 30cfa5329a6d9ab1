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
from typing import NamedTuple

from engine.state import ClusterState
from engine.task import Task


class Side(NamedTuple):
    """One device as a place for a task.

    ``ready_s`` is when a share could compute (device free, data here, launch latency over), ``seconds`` the whole task
    there with its transfer, ``energy_w``/``price_per_s`` what a busy second of this task costs above idle;
    ``max_fraction`` what the device's memory can hold of the task (may exceed 1).
    """

    device: int
    kind: str
    ready_s: float
    seconds: float
    energy_w: float
    price_per_s: float
    max_fraction: float


class Split(NamedTuple):
    """A fraction on the GPU and the score of that split (weighted finish, energy and cost; lower is better)."""

    score: float
    gpu_fraction: float


def best_split(cpu: Side, gpu: Side, time: float = 1.0, energy: float = 0.0, cost: float = 0.0) -> Split | None:
    """Return the best split with work on both sides, or None when memory or an impossible side allows none."""
    total = cpu.seconds + gpu.seconds
    if not total < math.inf:
        return None
    low, high = max(0.0, 1.0 - cpu.max_fraction), min(1.0, gpu.max_fraction)
    meet = (cpu.ready_s + cpu.seconds - gpu.ready_s) / total
    cpu_rate = (energy * cpu.energy_w + cost * cpu.price_per_s) * cpu.seconds
    gpu_rate = (energy * gpu.energy_w + cost * gpu.price_per_s) * gpu.seconds
    best: Split | None = None
    for f in (min(max(meet, low), high), low, high):
        if not 0.0 < f < 1.0 or not low <= f <= high:
            continue
        finish = max(cpu.ready_s + (1.0 - f) * cpu.seconds, gpu.ready_s + f * gpu.seconds)
        score = time * finish + (1.0 - f) * cpu_rate + f * gpu_rate
        if best is None or score < best.score:
            best = Split(score, f)
    return best


def best_shares(task: Task, state: ClusterState) -> tuple[tuple[int, float], ...]:
    """Return the shares with the best score under ``state.weights``.

    Any single device competes, and any CPU+GPU pair where the task is divisible. Ties go to the single device, then to
    the lowest index. Empty when the task fits nowhere.
    """
    weights = state.weights
    time, energy, cost = weights.time, weights.energy, weights.cost
    options = sides(task, state)
    best_score = math.inf
    shares: tuple[tuple[int, float], ...] = ()
    for side in options:
        if side.max_fraction < 1.0:
            continue
        rate = energy * side.energy_w + cost * side.price_per_s
        score = time * (side.ready_s + side.seconds) + rate * side.seconds
        if score < best_score:
            best_score, shares = score, ((side.device, 1.0),)
    if task.divisible:
        for cpu in (side for side in options if side.kind == "cpu"):
            for gpu in (side for side in options if side.kind == "gpu"):
                split = best_split(cpu, gpu, time, energy, cost)
                if split is not None and split.score < best_score:
                    best_score = split.score
                    shares = ((cpu.device, 1.0 - split.gpu_fraction), (gpu.device, split.gpu_fraction))
    return shares


def sides(task: Task, state: ClusterState) -> list[Side]:
    """Return the earliest free device of each group of equal devices; within its group none is better."""
    expected = state.expected(task)
    slots, memory_gb, transfer_gb = task.slots, task.memory_gb, task.transfer_gb
    has_parents = bool(task.parents)
    now = state.now
    found: list[Side] = []
    for group in state._groups:
        first = group[0]
        spec = first.spec
        seconds = expected[first.model] / spec.speed
        if slots > spec.slots or not seconds < math.inf:
            continue
        device, ready_s = -1, math.inf
        for candidate in group:
            free_s = candidate.available_at(now, slots)
            if has_parents:
                free_s = max(free_s, state.data_ready(task, candidate.spec.index))
            if free_s < ready_s:
                device, ready_s = candidate.spec.index, free_s
        if device < 0:
            continue
        if spec.link_gb_s is not None:
            ready_s += spec.link_latency_s
            seconds += transfer_gb * first.per_gb_s
        share = slots / spec.slots
        found.append(
            Side(
                device,
                spec.kind,
                ready_s,
                seconds,
                (spec.active_w - spec.idle_w) * share,
                spec.price_per_hour / 3600.0 * share,
                spec.memory_gb / memory_gb if memory_gb > 0 else math.inf,
            )
        )
    return found
