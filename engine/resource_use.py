"""Memory, links and idle slots over a whole race, from its ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.cluster import Cluster, Link
from engine.columns import column
from engine.ledger import Parts
from engine.simulation import Simulation
from engine.task import TaskColumns
from engine.workload import FloatArray, IntArray


def moved_gb(simulation: Simulation) -> float:
    """Return the GB that all shares which have started moved: fraction x transfer of those on devices with a link to
    host memory, and each parent's data from other devices, where the cluster has a link between them."""
    columns, devices = simulation.columns, simulation.cluster.devices
    linked = _started(simulation, [device.index for device in devices if device.link_gb_s is not None])
    own_gb = linked.fraction * np.array(columns.transfer_gb)[linked.task]
    return float(own_gb.sum()) + _sent_gb(_started(simulation, range(len(devices))), columns, simulation.cluster)


def _sent_gb(parts: Parts, columns: TaskColumns, cluster: Cluster) -> float:
    """Return the GB between devices: to each share of a child, gb x the fraction of the parent that ran elsewhere."""
    if cluster.link == Link() or not any(columns.parents):
        return 0.0
    counts = np.array([len(parents) for parents in columns.parents])
    first_edge = np.cumsum(counts) - counts
    parent = np.array([parent for parents in columns.parents for parent in parents])
    gb = np.array([gb for sizes in columns.parent_gb for gb in sizes])
    per_share = counts[parts.task]
    child = np.repeat(np.arange(len(parts.task)), per_share)
    edge = np.arange(len(child)) - np.repeat(np.cumsum(per_share) - per_share, per_share)
    edge += first_edge[parts.task[child]]
    here = _fraction_on(parts, parent[edge], parts.device[child], len(cluster.devices))
    return float((gb[edge] * (1.0 - here)).sum())


def _fraction_on(parts: Parts, task: IntArray, device: IntArray, devices: int) -> FloatArray:
    """Return which fraction of each task ran on a device."""
    key = parts.task * devices + parts.device
    order = np.argsort(key)
    wanted = task * devices + device
    position = np.minimum(np.searchsorted(key, wanted, sorter=order), len(key) - 1)
    found = order[position]
    result: FloatArray = np.where(key[found] == wanted, parts.fraction[found], 0.0)
    return result


def gpu_memory_peak_gb(simulation: Simulation) -> float | None:
    """Return the most GB that shares held at once on any one GPU; None without GPUs."""
    gpus = simulation.cluster.of_kind("gpu")
    if not gpus:
        return None
    parts = _started(simulation, [device.index for device in gpus])
    held_gb = parts.fraction * np.array(simulation.columns.memory_gb)[parts.task]
    end_s = np.where(np.isnan(parts.end_s), math.inf, parts.end_s)
    _, _, level_gb = _levels(parts.device, parts.start_s, end_s, held_gb)
    return float(level_gb.max(initial=0.0))


def fragmentation(simulation: Simulation, from_s: float, to_s: float) -> float | None:
    """Return the share of the idle GPU slot-seconds that the workload's tasks cannot use, as a mean over the tasks.

    After Weng et al., 'Beware of Fragmentation' (USENIX ATC 2023): the idle slots of a device are a fragment to a task
    that demands more than are idle, and the fragments of a cluster are the mean over the tasks. Here over those that
    could run on the device if it were empty, by slots alone, and over simulated time. None without GPUs of several
    slots that a task can run on, or when they never idle.
    """
    devices = simulation.cluster.devices
    wide = [state for state in simulation.devices if state.spec.kind == "gpu" and state.spec.slots > 1]
    alike = {(state.model, state.spec.slots) for state in wide}
    table_of = {key: _unusable(simulation.columns, *key) for key in alike}
    tables = {state.index: table for state in wide if len(table := table_of[state.model, state.spec.slots])}
    if not tables or to_s <= from_s:
        return None
    index = np.array(list(tables))
    parts = _started(simulation, list(tables))
    start_s = np.minimum(parts.start_s, to_s)
    end_s = np.where(np.isnan(parts.end_s), to_s, np.minimum(parts.end_s, to_s))
    # every device is watched from the first to the last second, so that its idle time before, after and without any
    # share counts too
    device, at_s, busy = _levels(
        np.concatenate([parts.device, index]),
        np.concatenate([start_s, np.full(len(index), from_s)]),
        np.concatenate([end_s, np.full(len(index), to_s)]),
        np.concatenate([simulation.columns.slots_array[parts.task], np.zeros(len(index))]),
    )
    span_s = np.append(np.diff(at_s), 0.0) * np.append(device[1:] == device[:-1], False)
    idle_slot_s = unusable_slot_s = 0.0
    # one device after the other, as they lie there
    first, last = np.searchsorted(device, index, side="left"), np.searchsorted(device, index, side="right")
    for i, start, end in zip(index.tolist(), first.tolist(), last.tolist(), strict=True):
        # shares of no duration end before they start here, for no time at all
        idle = np.clip(devices[i].slots - busy[start:end].astype(np.int64), 0, devices[i].slots)
        idle_slot_s += float((idle * span_s[start:end]).sum())
        unusable_slot_s += float((tables[i][idle] * idle * span_s[start:end]).sum())
    return unusable_slot_s / idle_slot_s if idle_slot_s > 0 else None


def _unusable(columns: TaskColumns, model: int, slots: int) -> FloatArray:
    """Return for 0, 1, ... idle slots of a device the share of the tasks that demand more; empty where none can run."""
    demand = columns.slots_array
    if columns.runs_on is not None:
        demand = demand[np.array(columns.runs_on)[:, model]]
    demand = np.sort(demand[demand <= slots])
    if not len(demand):
        return demand
    fits = np.searchsorted(demand, np.arange(slots + 1), side="right")
    result: FloatArray = 1.0 - fits / len(demand)
    return result


def _started(simulation: Simulation, devices: Sequence[int]) -> Parts:
    """Return the shares that have started on these devices."""
    ledger = simulation.ledger
    part = np.flatnonzero(~np.isnan(column(ledger.start_s)))
    return ledger.parts(part[np.isin(column(ledger.device, part), devices)])


def _levels(
    device: IntArray, start_s: FloatArray, end_s: FloatArray, amount: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return (device, second, amount held from then on) at every start and end, by device and time; ends go first."""
    at_s, change = np.concatenate([end_s, start_s]), np.concatenate([-amount, amount])
    on = np.concatenate([device, device])
    order = np.lexsort((change, at_s, on))
    return on[order], at_s[order], np.cumsum(change[order])
