"""Devices and the links between them: what a race runs on."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.errors import InputError

Kind = Literal["cpu", "gpu"]


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a cluster.

    ``model`` names a column of the ETC matrix; ``speed`` divides nominal and true seconds; ``link_gb_s`` is the link to
    host memory (None: no link, nothing to transfer); watts and price are those of the whole device, all slots together.
    ``speed_at`` holds (second, factor) pairs: from that second on, shares start at ``speed * factor`` (hidden from
    schedulers). ``index`` is its place in the cluster.
    """

    index: int
    id: str
    kind: Kind
    model: str
    slots: int = 1
    speed: float = 1.0
    memory_gb: float = math.inf
    link_gb_s: float | None = None
    link_latency_s: float = 0.0
    idle_w: float = 0.0
    active_w: float = 0.0
    price_per_hour: float = 0.0
    source: str = ""
    speed_at: tuple[tuple[float, float], ...] = ()

    def speed_factor(self, at_s: float) -> float:
        """Return the factor that ``speed_at`` puts on ``speed`` at the given second (1 before the first change)."""
        position = bisect_right(self.speed_at, (at_s, math.inf))
        return self.speed_at[position - 1][1] if position else 1.0


@dataclass(frozen=True, slots=True)
class Link:
    """What DAG data cross when parent and child run on different devices: ``latency_s + gb / gb_s``, no contention."""

    gb_s: float = math.inf
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A named set of devices (in index order) and the link between them."""

    name: str
    devices: tuple[Device, ...]
    link: Link = field(default_factory=Link)

    def __post_init__(self) -> None:
        if not self.devices:
            raise InputError(f"Cluster '{self.name}' has no device.")
        seen: set[str] = set()
        for position, device in enumerate(self.devices):
            _check_device(self.name, position, device)
            if device.id in seen:
                raise InputError(f"Cluster '{self.name}' has two devices called '{device.id}'; each id must be unique.")
            seen.add(device.id)
        _positive(self.name, "link", "gb_s", self.link.gb_s)
        _not_negative(self.name, "link", "latency_s", self.link.latency_s)

    def of_kind(self, kind: Kind) -> tuple[Device, ...]:
        """Return the devices of one kind, in index order."""
        return tuple(d for d in self.devices if d.kind == kind)

    def summary(self) -> str:
        """Return a phrase such as ``4 CPU + 2 GPU``."""
        counts = [(len(self.of_kind("cpu")), "CPU"), (len(self.of_kind("gpu")), "GPU")]
        return " + ".join(f"{count} {name}" for count, name in counts if count)

    def without_drift(self) -> Cluster:
        """Return the cluster as schedulers see it: changes of speed are hidden from them."""
        return replace(self, devices=tuple(replace(d, speed_at=()) for d in self.devices))

    def columns_in(self, models: Sequence[str]) -> list[int]:
        """Return for each device its column among the workload's device models.

        A device whose ``model`` the workload does not name uses the column named like its kind (``cpu``, ``gpu``).
        Raises :class:`InputError` when there is neither.
        """
        position = {model: column for column, model in enumerate(models)}
        columns = []
        for device in self.devices:
            column = position.get(device.model, position.get(device.kind))
            if column is None:
                raise InputError(
                    f"Device '{device.id}' of cluster '{self.name}' is a '{device.model}', but the workload has "
                    f"times for {', '.join(models)} only. Choose another cluster, or give the device one of these."
                )
            columns.append(column)
        return columns


def _check_device(cluster: str, position: int, device: Device) -> None:
    where = f"device '{device.id}'"
    if device.index != position:
        raise InputError(f"Cluster '{cluster}': {where} has index {device.index} at place {position}.")
    if device.kind not in ("cpu", "gpu"):
        raise InputError(f"Cluster '{cluster}': {where} has kind '{device.kind}'; use cpu or gpu.")
    if device.slots < 1:
        raise InputError(f"Cluster '{cluster}': {where} has {device.slots} slots; it needs at least 1.")
    if math.isinf(device.speed):
        raise InputError(f"Cluster '{cluster}': {where} has speed = inf; it must be a finite number above 0.")
    for name in ("speed", "memory_gb"):
        _positive(cluster, where, name, getattr(device, name))
    if device.link_gb_s is not None:
        _positive(cluster, where, "link_gb_s", device.link_gb_s)
    for name in ("link_latency_s", "idle_w", "active_w", "price_per_hour"):
        _not_negative(cluster, where, name, getattr(device, name))
    if device.link_latency_s and device.link_gb_s is None:
        raise InputError(f"Cluster '{cluster}': {where} has link_latency_s but no link; give it link_gb_s too.")
    if device.active_w < device.idle_w:
        raise InputError(
            f"Cluster '{cluster}': {where} draws {device.active_w} W when active but {device.idle_w} W when idle; "
            "active_w must not be below idle_w."
        )
    times = [t for t, _ in device.speed_at]
    if times != sorted(times) or any(factor <= 0 or not math.isfinite(factor) for _, factor in device.speed_at):
        raise InputError(f"Cluster '{cluster}': {where} needs speed_at in rising time with factors above 0.")


def _positive(cluster: str, where: str, name: str, value: float) -> None:
    if not value > 0:
        raise InputError(f"Cluster '{cluster}': {where} has {name} = {value}; it must be above 0.")


def _not_negative(cluster: str, where: str, name: str, value: float) -> None:
    if not (value >= 0 and math.isfinite(value)):
        raise InputError(f"Cluster '{cluster}': {where} has {name} = {value}; it must be 0 or more.")
