"""Whether every task of a workload can run somewhere on a cluster."""

from __future__ import annotations

import numpy as np

from engine.cluster import Cluster
from engine.errors import InputError
from engine.workload import Workload


def check_fits(tasks: Workload, cluster: Cluster) -> None:
    """Raise :class:`InputError` naming the first task that no device of the cluster can run, and why.

    A divisible task may spread its memory over several devices.
    """
    n = len(tasks)
    room_gb, able, wide = np.zeros(n), np.zeros(n, bool), np.zeros(n, bool)
    for device, column in zip(cluster.devices, cluster.columns_in(tasks.models), strict=True):
        known = np.isfinite(tasks.etc_s[:, column])
        fits = known & (tasks.slots <= device.slots)
        able, wide = able | known, wide | fits
        memory = np.where(fits, device.memory_gb, 0.0)
        room_gb = np.where(tasks.divisible, room_gb + memory, np.maximum(room_gb, memory))
    bad = ~wide | (room_gb < tasks.memory_gb)
    if not bad.any():
        return
    i = int(np.argmax(bad))
    name = tasks.names[i] if tasks.names else str(i)
    raise InputError(
        f"Task '{name}' of workload '{tasks.name}' fits no device of cluster '{cluster.name}': "
        f"{_reason(tasks, i, bool(able[i]), bool(wide[i]), float(room_gb[i]))}. "
        "Choose a larger cluster, or take it out."
    )


def _reason(tasks: Workload, i: int, able: bool, wide: bool, room_gb: float) -> str:
    if not able:
        return "it has no time for any device model there"
    if not wide:
        return f"it asks for {tasks.slots[i]} slots of one device, and no device that can run it has as many"
    return f"it needs {tasks.memory_gb[i]:g} GB of memory, and at most {room_gb:g} GB can be had"
