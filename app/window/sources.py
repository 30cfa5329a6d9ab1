"""One line about a workload or a cluster, without loading more than its head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.texts import percent, plural
from engine.errors import SchedRaceError

if TYPE_CHECKING:
    from engine.workload import Workload
    from plugins.registry import Registry

HEAD = 4096


def workload_summary(name: str, registry: Registry) -> str:
    """Return what a workload is: the plugin's sentence, or which plugin reads the file."""
    if name in registry.workloads:
        return registry.workloads[name].summary
    plugin, colon, file = name.partition(":")
    if colon and plugin in registry.workloads:
        return f"{Path(file).name}, read by {plugin}"
    path = Path(name)
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        return f"'{path.name}' cannot be read: {error.strerror}."
    readers = [key for key, reader in registry.workloads.items() if reader.recognises(path, head)]
    if not readers:
        return "No workload plugin recognises this file: its header row is unknown."
    return f"Tasks from a file, read by {' or '.join(readers)}"


def loaded_summary(workload: Workload) -> str:
    """Return what a workload turned out to be, once it was read."""
    parts = [plural(len(workload), "task"), f"times for {', '.join(workload.models)}"]
    if workload.has_parents:
        parts.append(plural(len(workload.parent_index), "dependency"))
    divisible = float(workload.divisible.mean())
    if divisible:
        parts.append(f"{percent(divisible)} divisible")
    return " · ".join(parts)


def cluster_summary(name: str) -> str:
    """Return a phrase such as ``4 CPU + 2 GPU · 6 slots · up to 1,000 W``, or why it cannot be read."""
    from plugins.clusters import load_cluster

    try:
        cluster = load_cluster(name)
    except SchedRaceError as error:
        return str(error)
    watts = sum(device.active_w for device in cluster.devices)
    slots = sum(device.slots for device in cluster.devices)
    power = f" · up to {watts:,.0f} W" if watts else ""
    return f"{cluster.summary()} · {plural(slots, 'slot')}{power}"
