"""The textbook's queue: Poisson arrivals at a given rate, exponential or constant service."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.params import parameter
from engine.workload import SHORTEST_S, Workload, workload
from plugins.arrivals import poisson, rescaled
from plugins.workload import WorkloadPlugin, WorkloadRequest

DEFAULT_TASKS = 10_000


@dataclass(frozen=True)
class QueueingParams:
    """The queue's rates."""

    rate_per_s: float = parameter(0.7, "Arrivals a second (Poisson)", low=1e-9)
    mean_s: float = parameter(1.0, "Mean service time in seconds", low=1e-9)
    service: str = parameter(
        "exponential", "Distribution of the service times", choices=("exponential", "deterministic")
    )


class Queueing(WorkloadPlugin):
    """M/M/c and M/D/c: with ``processors:c`` and ``fcfs`` its waiting times have closed forms."""

    name = "queueing"
    summary = "The textbook's queue: Poisson arrivals, exponential or constant service times."
    explanation = (
        "One kind of task on one kind of processor, with waiting times that can be worked out: race fcfs on "
        "processors:c and compare with M/M/c (Erlang C) or M/D/1 (Pollaczek-Khinchine). Service times are known, "
        "and the same on every device."
    )
    Params = QueueingParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Draw arrivals and service times; a ``load`` rescales the arrivals to the cluster."""
        count = request.tasks or DEFAULT_TASKS
        arrivals_rng, service_rng = (np.random.default_rng([request.seed, stream]) for stream in (0, 1))
        drawn = service_rng.exponential(size=count) if self.params.service == "exponential" else np.ones(count)
        # a service time of exactly 0 is legal for the distribution, but no task takes no time
        seconds = np.maximum(drawn * self.params.mean_s, SHORTEST_S)
        arrival_s = poisson(arrivals_rng, count) / self.params.rate_per_s
        tasks = workload(self.name, ("cpu", "gpu"), arrival_s, np.column_stack([seconds, seconds]))
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)
