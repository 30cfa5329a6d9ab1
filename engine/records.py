"""What leaves a race for the recorder: batches of finished tasks, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    texts, row_text = placement_choices(finished, device_ids)
    return [texts[i] for i in row_text.tolist()]


def placement_choices(finished: FinishedTasks, device_ids: Sequence[str]) -> tuple[list[str], IntArray]:
    """Return placement texts, and for each row the index of its own: tasks on one device share a text."""
    texts = [f"{name}=1" for name in device_ids]
    starts, ends = finished.share_start[:-1], finished.share_start[1:]
    row_text = finished.share_device[starts].astype(np.int64)
    split = np.flatnonzero(ends - starts > 1)
    row_text[split] = np.arange(len(texts), len(texts) + len(split))
    devices, fractions = finished.share_device.tolist(), finished.share_fraction.tolist()
    for a, b in zip(starts[split].tolist(), ends[split].tolist(), strict=True):
        pairs = sorted(zip(devices[a:b], fractions[a:b], strict=True))
        texts.append(" ".join(f"{device_ids[d]}={f!r}" for d, f in pairs))
    return texts, row_text


@dataclass(frozen=True, slots=True, eq=False)
class MetricSeries:
    """One metric of one scheduler over simulated time: value[i] at at_s[i]; they are numbered from ``first``."""

    scheduler: str
    name: str
    at_s: FloatArray
    value: FloatArray
    first: int = 0

    def __len__(self) -> int:
        return len(self.at_s)
