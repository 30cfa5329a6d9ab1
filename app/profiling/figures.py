"""What is known of one device of a machine, and the cluster file that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.cluster import Kind

# The devices of the preset 'default', to which speeds are relative, so that a workload means the same here and there.
CPU_PEAK_GFLOP_S = 2150.0
CPU_PEAK = "the Xeon Gold 6130's 2,150 GFLOP/s (float32 peak: 16 cores x 2.1 GHz x 64)"
GPU_PEAK_GFLOP_S = 14_000.0
GPU_PEAK = "the Tesla V100 PCIe's 14,000 GFLOP/s (float32 peak, NVIDIA data sheet)"


@dataclass(frozen=True, slots=True)
class Figures:
    """One device. ``origins`` says in words where every figure comes from: measured, reported or assumed.

    ``gflop_s`` (float32 matrix product) and ``copy_gb_s`` (memory read and written) are None where not measured;
    ``memory_gb`` and ``link_gb_s`` where not known.
    """

    id: str
    kind: Kind
    name: str
    speed: float
    memory_gb: float | None
    idle_w: float
    active_w: float
    origins: tuple[str, ...]
    gflop_s: float | None = None
    copy_gb_s: float | None = None
    link_gb_s: float | None = None
    link_latency_s: float = 0.0


def cluster_toml(name: str, devices: Sequence[Figures]) -> str:
    """Return a cluster file of these devices, as :func:`plugins.clusters.parse_cluster` reads it."""
    import tomli_w

    head = (
        "# Written by 'schedrace profile'. Where each figure is from stands in the source of its device; change what "
        "you know better.\n"
    )
    # headed one by one: tomli_w would write short tables as one inline list
    tables = [f"[[device]]\n{tomli_w.dumps(_table(device))}" for device in devices]
    return "\n".join([head + tomli_w.dumps({"name": name}), *tables])


def _table(device: Figures) -> dict[str, str | float]:
    table: dict[str, str | float] = {"id": device.id, "kind": device.kind, "model": device.kind, "speed": device.speed}
    if device.memory_gb is not None:
        table["memory_gb"] = device.memory_gb
    if device.link_gb_s is not None:
        table["link_gb_s"] = device.link_gb_s
        table["link_latency_s"] = device.link_latency_s
    return {
        **table,
        "idle_w": device.idle_w,
        "active_w": device.active_w,
        "source": f"{device.name}: {'; '.join(device.origins)}",
    }


def significant(value: float) -> float:
    """Return the value with three significant digits: no measurement here is better."""
    return float(f"{value:.3g}")
