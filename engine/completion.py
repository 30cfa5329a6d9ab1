"""What a scheduler and its estimator are told when a task has finished."""

from __future__ import annotations

from typing import NamedTuple

from engine.task import Task


class ShareResult(NamedTuple):
    """One share as it ran.

    ``work_s`` is what the run says about the whole task on that device model at speed 1:
    ``(end - start - latency - fraction * transfer / link) * speed / fraction``, with the speed that the cluster states.
    """

    device: int
    model: int
    fraction: float
    start_s: float
    end_s: float
    work_s: float


class Completion(NamedTuple):
    """A finished task. ``number`` counts this scheduler's completions from 1; energy is the part above idle power."""

    number: int
    task: Task
    shares: tuple[ShareResult, ...]
    arrival_s: float
    start_s: float
    finish_s: float
    energy_j: float
    cost: float

    @property
    def response_s(self) -> float:
        """Finish minus arrival."""
        return self.finish_s - self.arrival_s
