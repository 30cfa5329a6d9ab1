"""ETC matrices drawn as Braun et al. drew theirs: range-based, in three kinds of consistency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.params import parameter
from engine.workload import FloatArray, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import WorkloadPlugin, WorkloadRequest

DEFAULT_TASKS = 512
TASK_RANGE = {"high": 3000.0, "low": 100.0}
MACHINE_RANGE = {"high": 1000.0, "low": 10.0}


@dataclass(frozen=True)
class BraunParams:
    """The twelve classes of the paper, and whether tasks may be split."""

    consistency: str = parameter(
        "inconsistent",
        "Whether a machine that is faster for one task is so for all, for none in particular, or half of the machines",
        choices=("consistent", "inconsistent", "semi"),
    )
    task_heterogeneity: str = parameter("high", "Spread between tasks: up to 3000, or 100", choices=("high", "low"))
    machine_heterogeneity: str = parameter(
        "high", "Spread between the machines for a task: up to 1000, or 10", choices=("high", "low")
    )
    divisible: bool = parameter(False, "Whether every task may be split between machines")


class Braun(WorkloadPlugin):
    """The range-based ETC matrices of Braun et al., JPDC 61(6), 2001, section 3.

    ETC(i, j) = B(i) x R(i, j), with B uniform in [1, 3000) (low: 100) for each task and R uniform in [1, 1000) (low:
    10) for each task and machine. ``consistent`` sorts every row; ``semi`` sorts the columns 0, 2, 4, ... of every row
    among themselves. One column for each device model of the cluster, in the order of its devices.
    """

    name = "braun"
    summary = "Generated batches with times drawn for each task and machine, in Braun's twelve classes."
    explanation = (
        "Braun et al. 2001: the yardstick of mapping heuristics (olb, met, mct, min_min, max_min, sufferage). All "
        "tasks arrive at once and their times are known. The paper's size is 512 tasks on machines:16; on any other "
        "cluster each device model has its column."
    )
    Params = BraunParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Draw the matrix; ``load`` means nothing: all tasks arrive at once."""
        count = request.tasks or DEFAULT_TASKS
        models = tuple(dict.fromkeys(device.model for device in request.cluster.devices))
        tasks = workload(
            self.name,
            models,
            np.zeros(count),
            self._matrix(np.random.default_rng(request.seed), count, len(models)),
            divisible=self.params.divisible,
        )
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    def _matrix(self, rng: np.random.Generator, tasks: int, machines: int) -> FloatArray:
        baseline = rng.uniform(1.0, TASK_RANGE[self.params.task_heterogeneity], (tasks, 1))
        etc_s = baseline * rng.uniform(1.0, MACHINE_RANGE[self.params.machine_heterogeneity], (tasks, machines))
        if self.params.consistency == "consistent":
            etc_s.sort(axis=1)
        elif self.params.consistency == "semi":
            etc_s[:, ::2] = np.sort(etc_s[:, ::2], axis=1)
        return etc_s
