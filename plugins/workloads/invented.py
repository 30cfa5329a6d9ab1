"""GPU times for traces that have none, so that a CPU-only trace can race on a cluster with GPUs."""

from __future__ import annotations

import numpy as np

from engine.cluster import Cluster
from engine.workload import FloatArray
from plugins.workloads.trace import Account

_STREAM = 2
"""Apart from the streams of the generators, so that one seed never draws the same numbers for two purposes."""


def lacks_gpu_times(cluster: Cluster, models: tuple[str, ...]) -> bool:
    """Return whether the cluster has a GPU for which a workload with these device models has no times."""
    return any(d.model not in models and "gpu" not in models for d in cluster.of_kind("gpu"))


def invented_gpu_s(cpu_s: FloatArray, seed: int, account: Account) -> FloatArray:
    """Return GPU seconds for tasks of known CPU seconds (n), and say so in the account.

    The speed-up is 1 + 9 a, with a drawn for each task as the synthetic workload draws it: 30 % around 0.2, 70 %
    around 0.8 (standard deviation 0.1), so between about 2 and 9 times.
    """
    rng = np.random.default_rng([seed, _STREAM])
    suited = rng.random(len(cpu_s)) >= 0.3
    affinity = rng.normal(np.where(suited, 0.8, 0.2), 0.1).clip(0.02, 0.98)
    account.assume(
        "The trace has no GPU times; they are made up: the CPU time over 1 + 9a, with a drawn by the seed, "
        "around 0.8 for 70 % of the tasks and around 0.2 for the others."
    )
    return cpu_s / (1.0 + 9.0 * affinity)
