"""What leaves a race for the recorder: batches of finished tasks, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.workload import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class FinishedTasks:
    """Tasks that one scheduler has finished, in finishing order.

    Shares are CSR: those of row i are ``share_device[share_start[i]:share_start[i + 1]]`` with ``share_fraction``.
    Energy is the part above idle power; ``gpu_fraction`` is the work that ran on GPUs (0..1).
    """

    scheduler: str
    task: IntArray
    arrival_s: FloatArray
    start_s: FloatArray
    finish_s: FloatArray
    gpu_fraction: FloatArray
    energy_j: FloatArray
    cost: FloatArray
    share_start: IntArray
    share_device: IntArray
    share_fraction: FloatArray

    def __len__(self) -> int:
        return len(self.task)


def placement_texts(finished: FinishedTasks, device_ids: Sequence[str]) -> list[str]:
    """Return each row's placement as users read it: ``cpu-0=0.4 gpu-1=0.6``, in device order."""
    texts: list[str] = []
    bounds = finished.share_start.tolist()
    devices, fractions = finished.share_device.tolist(), finished.share_fraction.tolist()
    whole = [f"{name}=1" for name in device_ids]
    for a, b in pairwise(bounds):
        if b - a == 1:
            texts.append(whole[devices[a]])
        else:
            pairs = sorted(zip(devices[a:b], fractions[a:b], strict=True))
            texts.append(" ".join(f"{device_ids[d]}={f!r}" for d, f in pairs))
    return texts


@dataclass(frozen=True, slots=True, eq=False)
class MetricSeries:
    """One metric of one scheduler over simulated time: value[i] at at_s[i]."""

    scheduler: str
    name: str
    at_s: FloatArray
    value: FloatArray
