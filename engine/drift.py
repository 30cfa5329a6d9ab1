"""Drift: devices that become slower or faster during a race, by which learners are tried."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from engine.cluster import Cluster, Device
from engine.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from engine.workload import FloatArray

KINDS = ("cpu", "gpu")
MOST_NAMED = 50
"""Devices of a cluster up to which their ids are offered to who named another."""
LEAST_FACTOR, MOST_FACTOR = 0.001, 1000.0


@dataclass(frozen=True, slots=True)
class Drift:
    """From ``at_share`` of the time between the first and the last arrival on, these devices have ``factor`` x the
    speed that the cluster gives them; schedulers are not told.

    ``devices`` is ``cpu``, ``gpu`` (all of that kind) or the id of one. Raises :class:`InputError` on nonsense.
    """

    devices: str
    at_share: float
    factor: float

    def __post_init__(self) -> None:
        if not self.devices:
            raise InputError("A drift names no devices; write cpu, gpu or the id of a device.")
        if not 0.0 <= self.at_share <= 1.0:
            raise InputError(
                f"The drift '{self}' begins at {self.at_share:g}; it must be from 0 to 1: the share of the time "
                "between the first and the last arrival after which it begins."
            )
        if not LEAST_FACTOR <= self.factor <= MOST_FACTOR:
            raise InputError(
                f"The drift '{self}' has the factor {self.factor:g}; it must be from {LEAST_FACTOR:g} to "
                f"{MOST_FACTOR:g} (0.5: half as fast)."
            )

    def __str__(self) -> str:
        return f"{self.devices}@{self.at_share:g}={self.factor:g}"

    def concerns(self, device: Device) -> bool:
        """Return whether it changes the speed of a device."""
        return self.devices in (device.kind, device.id)


@dataclass(frozen=True, slots=True)
class SpeedChange:
    """At second ``at_s`` these devices (ids) begin to run at ``factor`` x the speed that the cluster gives them."""

    at_s: float
    factor: float
    devices: tuple[str, ...]


def drifted(cluster: Cluster, drifts: Sequence[Drift], arrival_s: FloatArray) -> Cluster:
    """Return the cluster with these drifts, on top of the changes of speed that it has itself.

    Raises :class:`InputError` for one that concerns no device.
    """
    first_s, last_s = float(arrival_s.min()), float(arrival_s.max())
    for drift in drifts:
        if not any(drift.concerns(device) for device in cluster.devices):
            ids = [device.id for device in cluster.devices] if len(cluster.devices) <= MOST_NAMED else []
            raise InputError(
                f"The drift '{drift}' concerns no device of cluster '{cluster.name}'. Write cpu, gpu or the id of a "
                f"device that it has.{did_you_mean(drift.devices, {*KINDS, *ids})}"
            )
    if not drifts:
        return cluster
    at_s = [first_s + drift.at_share * (last_s - first_s) for drift in drifts]
    devices = [
        _changed(device, [(s, d.factor) for s, d in zip(at_s, drifts, strict=True) if d.concerns(device)])
        for device in cluster.devices
    ]
    return replace(cluster, devices=tuple(devices))


def speed_changes(cluster: Cluster) -> tuple[SpeedChange, ...]:
    """Return the changes of speed of all devices, earliest first."""
    changes = sorted((*change, device.index) for device in cluster.devices for change in device.speed_at)
    return tuple(
        SpeedChange(at_s, factor, tuple(cluster.devices[index].id for _, _, index in same))
        for (at_s, factor), same in groupby(changes, key=lambda change: change[:2])
    )


def _changed(device: Device, changes: Iterable[tuple[float, float]]) -> Device:
    """Return the device with these changes (second, factor) multiplied into its own."""
    rising = sorted(changes)
    instants = sorted({at_s for at_s, _ in (*device.speed_at, *rising)})
    factors = [device.speed_factor(now) * math.prod(f for at_s, f in rising if at_s <= now) for now in instants]
    return replace(device, speed_at=tuple(zip(instants, factors, strict=True)))
