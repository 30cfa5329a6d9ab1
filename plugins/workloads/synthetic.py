"""Synthetic tasks whose true times differ from the nominal ones in a way that can be learned.

Sizes are heavy-tailed; affinity for GPUs is bimodal; memory grows with size; and each task belongs to a kind whose
efficiency is hidden. Nominal seconds know size, affinity and memory only; the law adds the kind's efficiency, a penalty
for large working sets on CPUs and the poor occupancy of GPUs by small tasks; the truth is the law times noise. The
kinds may change their efficiencies on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.params import parameter
from engine.workload import FloatArray, IntArray, Workload, workload
from plugins.arrivals import bursty, poisson, with_arrivals
from plugins.workload import WorkloadPlugin, WorkloadRequest

DEFAULT_TASKS, DEFAULT_LOAD = 2000, 0.8
# The generator's unit of memory in GB, and its ceiling, chosen so that every task fits the presets' devices.
_MEMORY_UNIT_GB, _MEMORY_MOST_GB = 0.25, 16.0


@dataclass(frozen=True)
class SyntheticParams:
    """What can be varied; the defaults are those of the default race."""

    sizes: str = parameter(
        "lognormal",
        "Distribution of task sizes: lognormal, or pareto with a heavier tail",
        choices=("lognormal", "pareto"),
    )
    arrivals: str = parameter(
        "poisson", "Arrivals one by one, or in bursts of three times the mean rate", choices=("poisson", "bursty")
    )
    noise: float = parameter(0.1, "Spread of the noise on true times (sigma of its logarithm)", low=0.0, high=2.0)
    kinds: int = parameter(6, "Kinds of tasks, each with a hidden efficiency", low=1, high=100)
    divisible: float = parameter(1.0, "Share of the tasks that may be split between devices", low=0.0, high=1.0)
    change: float = parameter(
        1.0, "Share of the tasks after which all kinds have other hidden efficiencies (1: never)", low=0.0, high=1.0
    )


class Synthetic(WorkloadPlugin):
    """The default workload."""

    name = "synthetic"
    summary = "Generated tasks whose nominal times are wrong in a way that can be learned."
    explanation = (
        "Log-normal sizes, 70 % of the tasks well suited to GPUs, memory that grows with size, and kinds whose hidden "
        "efficiency makes the nominal times wrong. Moving a task's data to the GPU is part of its time there."
    )
    Params = SyntheticParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Draw the tasks; the same seed gives the same tasks at every load."""
        count = request.tasks or DEFAULT_TASKS
        tasks_rng, arrivals_rng, later_rng = (np.random.default_rng([request.seed, stream]) for stream in (0, 1, 2))
        tasks = self._tasks(tasks_rng, later_rng, count)
        process = bursty if self.params.arrivals == "bursty" else poisson
        return with_arrivals(tasks, request.cluster, process(arrivals_rng, count), request.load or DEFAULT_LOAD)

    def _tasks(self, rng: np.random.Generator, later_rng: np.random.Generator, n: int) -> Workload:
        size = _sizes(rng, n, self.params.sizes)
        affinity = np.where(rng.random(n) < 0.3, rng.normal(0.2, 0.1, n), rng.normal(0.8, 0.1, n)).clip(0.02, 0.98)
        memory = np.minimum(size * np.exp(rng.normal(0.0, 0.3, n)), _MEMORY_MOST_GB / _MEMORY_UNIT_GB)
        kind: IntArray = rng.integers(self.params.kinds, size=n)
        nominal = np.column_stack([0.10 * size, 0.10 * size / (1 + 9 * affinity) + 0.002 * memory])
        hidden = _hidden(rng, self.params.kinds, kind, size, memory)
        changed = round(self.params.change * n)
        hidden[changed:] = _hidden(later_rng, self.params.kinds, kind, size, memory)[changed:]
        law = nominal * hidden
        sigma = self.params.noise
        actual = law * np.exp(rng.normal(-(sigma**2) / 2, sigma, (n, 2)))
        return workload(
            "synthetic",
            ("cpu", "gpu"),
            np.zeros(n),
            actual,
            etc_s=nominal,
            law_s=law,
            features=np.column_stack([np.log(size), affinity, np.log(memory), kind]),
            feature_names=("log_size", "affinity", "log_memory", "kind"),
            memory_gb=memory * _MEMORY_UNIT_GB,
            divisible=rng.random(n) < self.params.divisible,
        )


def _sizes(rng: np.random.Generator, n: int, distribution: str) -> FloatArray:
    if distribution == "pareto":
        return np.asarray(np.clip(100 * (1 + rng.pareto(1.5, n)), 100, 5000) / 300)
    return np.exp(rng.normal(0.0, 1.0, n))


def _hidden(rng: np.random.Generator, kinds: int, kind: IntArray, size: FloatArray, memory: FloatArray) -> FloatArray:
    """Return law / nominal on CPU and GPU: what the nominal times do not know."""
    on_cpu = np.exp(rng.normal(0.0, 0.3, kinds))[kind] * np.where(memory > 2, 1.3, 1.0)
    occupancy = size / (size + 0.3)
    on_gpu = np.exp(rng.normal(0.0, 0.6, kinds))[kind] / occupancy
    return np.column_stack([on_cpu, on_gpu])
