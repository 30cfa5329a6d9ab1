"""OpenCL kernels that we measured on an H100 beside 16 Xeon cores with ``schedrace profile --kernels``.

The measurement comes with SchedRace (``resources/workloads/kernels_h100``): every time is a median of five runs, and
``coexecution.csv`` beside the tasks holds what each took when it was split.
"""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np

from engine.workload import IntArray, Workload, workload
from plugins.arrivals import poisson, with_arrivals
from plugins.workload import WorkloadPlugin, WorkloadRequest
from plugins.workloads.csv_file import read_workload
from plugins.workloads.kernels import DEFAULT_LOAD, KernelsParams

DEFAULT_TASKS = 1500
_MEASURED = files("resources") / "workloads" / "kernels_h100" / "workload.csv"


class KernelsH100(WorkloadPlugin):
    """Fifteen measured pairs of kernel and size, drawn over and over."""

    name = "kernels_h100"
    summary = "OpenCL kernels measured on an H100 and 16 Xeon cores; race them on the cluster kernels_h100."
    explanation = (
        "Five kernels (saxpy, matmul, nbody, stencil, histogram) at three sizes each, drawn by the seed; each may be "
        "split. Times, transfers and memory are as measured, so they belong on the cluster kernels_h100. Schedulers "
        "know the times: the same fifteen come again and again, and whoever runs them can profile them beforehand, as "
        "we did. So there is nothing to learn here; in 'kernels', with hundreds of programs that nobody has run yet, "
        "there is."
    )
    Params = KernelsParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Draw from the measured pairs, each as likely as any other; the same seed gives the same at every load."""
        with as_file(_MEASURED) as path:
            measured = read_workload(path)
        count = request.tasks or DEFAULT_TASKS
        notes = ["Schedulers know the measured times from the start, so there is nothing to learn."]
        if request.cluster.name != self.name:
            notes.append(
                "The times are those of an H100 and 16 Xeon cores; here they are taken for those of devices of speed "
                f"1. The cluster '{self.name}' is where they were measured."
            )
        if self.params.arrivals == "at_once":
            return self._tasks(measured, np.arange(count) % len(measured), notes)
        pick_rng, arrivals_rng = (np.random.default_rng([request.seed, stream]) for stream in (0, 1))
        tasks = self._tasks(measured, pick_rng.integers(len(measured), size=count), notes)
        return with_arrivals(tasks, request.cluster, poisson(arrivals_rng, count), request.load or DEFAULT_LOAD)

    def _tasks(self, measured: Workload, rows: IntArray, notes: list[str]) -> Workload:
        names = measured.names or ()
        return workload(
            self.name,
            measured.models,
            np.zeros(len(rows)),
            measured.actual_s[rows],
            features=measured.features[rows],
            feature_names=measured.feature_names,
            memory_gb=measured.memory_gb[rows],
            transfer_gb=measured.transfer_gb[rows],
            divisible=measured.divisible[rows],
            names=[names[row] for row in rows.tolist()],
            notes=notes,
        )
