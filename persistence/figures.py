"""What is said about recorded runs: the same from a database as from journals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchedulerStats:
    """How one scheduler did on the tasks that it has finished so far."""

    scheduler: str
    tasks: int
    mean_response_s: float
    p50_response_s: float
    p95_response_s: float
    p99_response_s: float
    mean_wait_s: float
    energy_j: float
    cost: float
    gpu_fraction: float
