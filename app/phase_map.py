"""When splitting a task over a CPU and a GPU pays: by the speed of the link, and by how much faster the GPU is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.texts import number, percent, seconds
from engine.errors import InputError
from engine.split import Side, best_split
from engine.weights import Weights

if TYPE_CHECKING:
    from engine.cluster import Cluster, Device
    from engine.workload import FloatArray, Workload

COLUMNS, ROWS = 41, 31
LINKS_GB_S = (0.1, 1000.0)
RATIOS = (0.1, 100.0)
WIDER = 2.0
"""The axes go so far beyond where the race is, if it is not within the usual range."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One CPU and one GPU, both free, and one task that may be split: whole seconds at the speeds of both, and what it
    moves to the GPU."""

    cpu: Device
    gpu: Device
    cpu_s: float
    transfer_gb: float

    def split(self, ratio: float, link_gb_s: float) -> tuple[float, float]:
        """Return what the soonest split saves of the time of the better one alone, and by how much it changes the
        energy of both devices until the task is done (shares of 1), on a GPU ``ratio`` times as fast as the CPU."""
        latency_s = self.gpu.link_latency_s if link_gb_s < np.inf else 0.0
        cpu = Side(0, "cpu", 0.0, self.cpu_s)
        gpu = Side(1, "gpu", latency_s, self.cpu_s / ratio + self.transfer_gb / link_gb_s, latency_s)
        alone = min((cpu.ready_s + cpu.seconds, 0.0), (gpu.ready_s + gpu.seconds, 1.0))
        best = best_split(cpu, gpu, Weights())
        if best is None or best.score >= alone[0]:
            return 0.0, 0.0
        energy_j = self._energy_j(cpu, gpu, best.score, best.gpu_fraction)
        return 1.0 - best.score / alone[0], energy_j / self._energy_j(cpu, gpu, *alone) - 1.0 if energy_j else 0.0

    def _energy_j(self, cpu: Side, gpu: Side, finish_s: float, f: float) -> float:
        on_gpu_s = gpu.latency_s + f * gpu.seconds if f else 0.0
        busy = ((self.cpu, (1.0 - f) * cpu.seconds), (self.gpu, on_gpu_s))
        return sum(d.idle_w * finish_s + (d.active_w - d.idle_w) / d.slots * busy_s for d, busy_s in busy)


@dataclass(frozen=True, slots=True, eq=False)
class PhaseMap:
    """Rows by ratio, columns by link: what splitting saves of the time, and by how much it changes the energy.

    ``ratio`` and ``link_gb_s`` (None: no link) are where the race is, ``saved`` and ``energy`` what holds there.
    ``assumed``: no task of the race moves anything, so the map is drawn for one that moves ``transfer_gb``.
    """

    links_gb_s: FloatArray
    ratios: FloatArray
    time_saved: FloatArray
    energy_change: FloatArray
    ratio: float
    link_gb_s: float | None
    saved: float
    energy: float
    cpu: str
    gpu: str
    cpu_s: float
    transfer_gb: float
    assumed: bool

    def sentence(self) -> str:
        """Return what the map was drawn for, and what holds for the race."""
        much = "more" if self.energy >= 0 else "less"
        moved = f"moves {number(self.transfer_gb)} GB"
        here = f"On {self.cpu} and {self.gpu} of this race, both free, splitting the median task saves"
        saves = f"{here} {percent(self.saved)} of the time and takes {percent(abs(self.energy))} {much} energy."
        if self.assumed:
            return f"{saves} Its tasks move no data, as at the right edge; the map is drawn for one that {moved}."
        return f"{saves} It takes {seconds(self.cpu_s)} on the CPU and {moved}."


def phase_map(workload: Workload, cluster: Cluster) -> PhaseMap:
    """Return the map for the median task that can be split, on the first CPU and the first GPU of the cluster.

    Nominal times count, memory does not. Raises :class:`InputError` where nothing can be split.
    """
    cpus, gpus = cluster.of_kind("cpu"), cluster.of_kind("gpu")
    if not cpus or not gpus:
        raise InputError(f"Cluster '{cluster.name}' has no CPU beside a GPU: nothing can be split between them.")
    columns = cluster.columns_in(workload.models)
    cpu, gpu = cpus[0], gpus[0]
    cpu_s = workload.etc_s[:, columns[cpu.index]] / cpu.speed
    gpu_s = workload.etc_s[:, columns[gpu.index]] / gpu.speed
    both = workload.divisible & np.isfinite(cpu_s) & np.isfinite(gpu_s)
    if not both.any():
        raise InputError("No task of this race can be split over a CPU and a GPU.")
    moved_gb = float(np.median(workload.transfer_gb[both]))
    ratio, task_s = float(np.median(cpu_s[both] / gpu_s[both])), float(np.median(cpu_s[both]))
    here = Pair(cpu, gpu, task_s, moved_gb).split(ratio, gpu.link_gb_s or np.inf)
    drawn_gb = moved_gb or float(np.median(workload.memory_gb[both])) or 1.0
    pair = Pair(cpu, gpu, task_s, drawn_gb)
    links_gb_s, ratios = _axis(LINKS_GB_S, gpu.link_gb_s, COLUMNS), _axis(RATIOS, ratio, ROWS)
    cells = np.array([[pair.split(r, link) for link in links_gb_s.tolist()] for r in ratios.tolist()])
    return PhaseMap(
        links_gb_s, ratios, cells[:, :, 0], cells[:, :, 1], ratio, gpu.link_gb_s, *here,
        cpu.id, gpu.id, task_s, drawn_gb, assumed=moved_gb == 0.0,
    )  # fmt: skip


def _axis(usual: tuple[float, float], here: float | None, count: int) -> FloatArray:
    low, high = usual
    if here is not None:
        low, high = min(low, here / WIDER), max(high, here * WIDER)
    return np.geomspace(low, high, count)
