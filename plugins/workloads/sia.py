"""Job lists of Pollux and Sia: deep-learning jobs by application and number of GPUs, without run times.

Qiao et al. 2021, 'Pollux: co-adaptive cluster scheduling for goodput-optimized deep learning' (OSDI), and Jayaram
Subramanya et al. 2023, 'Sia: heterogeneity-aware, goodput-optimized ML-cluster scheduling' (SOSP). The lists name the
application, not how long a job runs. Their generators chose the application by the GPU time of a job in the recorded
trace, a decade each; a run time is made up from the middle of that decade.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.errors import InputError, TaskError, did_you_mean
from engine.workload import IntArray, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import Progress, WorkloadPlugin, WorkloadRequest
from plugins.workloads.rows import Row, rows_of
from plugins.workloads.table import open_table
from plugins.workloads.trace import Account, TraceParams

GPU_HOURS = {
    "cifar10": 10**-0.5,
    "ncf": 10**-0.5,
    "deepspeech2": 10**0.5,
    "bert": 10**0.5,
    "yolov3": 10**1.5,
    "imagenet": 10**2.5,
}
"""GPU hours of a job of each application: the geometric middle of the decade for which it stands in the generator of
the Pollux artifact (under 1 GPU hour, 1 to 10, 10 to 100, 100 to 1000); under 1 is taken as 0.1 to 1."""
_COLUMNS = ("name", "time", "application", "num_replicas", "batch_size")
_MOST_GPUS, _LARGEST_BATCH = 10_000, 10**9


class Sia(WorkloadPlugin):
    """Deep-learning jobs sampled from production traces, with made-up run times."""

    name = "sia"
    summary = "Deep-learning jobs of the Pollux and Sia experiments; their run times are made up by application."
    explanation = (
        "A job takes its number of GPUs. The lists do not say how long it runs: its GPU time is the middle of the "
        "decade for which its application stands (cifar10 and ncf 0.32 GPU hours, deepspeech2 and bert 3.2, yolov3 32, "
        "imagenet 316), the same on every GPU."
    )
    Params = TraceParams
    reads_files = True

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the list whole; ``tasks`` takes the first jobs, ``load`` stretches the gaps between arrivals."""
        if request.path is None:
            raise InputError("The workload 'sia' reads a file; write sia:FILE.")
        account = Account(request.path, "jobs")
        jobs = _read(request.path, request.progress)
        chosen = account.choose(np.array(jobs.arrival_s), self.params, request.tasks)
        account.assume(
            "The list has no run times; they are made up: GPU hours by application (cifar10 and ncf 0.32, deepspeech2 "
            "and bert 3.2, yolov3 32, imagenet 316: the middle of the decade that each stands for), shared by its GPUs."
        )
        tasks = _tasks(request.path, jobs, chosen, account)
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the header is that of the lists."""
        return tuple(cell.strip() for cell in head.partition("\n")[0].split(",")) == _COLUMNS

    @classmethod
    def cluster_of(cls, path: Path, head: str) -> str:
        """Return the cluster of the Pollux experiments, which the lists were made for."""
        return "pollux"


@dataclass(slots=True)
class _Jobs:
    """The columns of the list as they come in."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    names: list[str] = field(default_factory=list)
    applications: list[str] = field(default_factory=list)
    arrival_s: array[float] = field(default_factory=lambda: array("d"))
    gpus: array[int] = field(default_factory=lambda: array("q"))
    batch: array[int] = field(default_factory=lambda: array("q"))


def _read(path: Path, progress: Progress) -> _Jobs:
    jobs = _Jobs()
    with open_table(path, progress) as table:
        for row in rows_of(table, _COLUMNS):
            _read_job(row, jobs)
        table.problems.refuse()
    return jobs


def _read_job(row: Row, jobs: _Jobs) -> None:
    arrival_s = row.number("time")
    gpus = row.whole("num_replicas", low=1, high=_MOST_GPUS)
    batch = row.whole("batch_size", low=1, high=_LARGEST_BATCH)
    application = row.text("application")
    if application not in GPU_HOURS:
        row.problems.add(
            row.line, "application", f"'{application}' has no known run time.{did_you_mean(application, GPU_HOURS)}"
        )
        return
    if not row.sound:
        return
    jobs.lines.append(row.line)
    jobs.names.append(row.text("name"))
    jobs.applications.append(application)
    jobs.arrival_s.append(arrival_s)
    jobs.gpus.append(gpus)
    jobs.batch.append(batch)


def _tasks(path: Path, jobs: _Jobs, chosen: IntArray, account: Account) -> Workload:
    applications = np.array(jobs.applications)[chosen]
    gpus = np.array(jobs.gpus)[chosen]
    run_s = np.array([GPU_HOURS[name] * 3600.0 for name in applications.tolist()]) / gpus
    known = tuple(GPU_HOURS)
    is_application = applications[:, None] == np.array(known)[None, :]
    try:
        return workload(
            path.stem,
            ("cpu", "gpu"),
            np.array(jobs.arrival_s)[chosen],
            np.column_stack([np.full(len(chosen), np.inf), run_s]),
            features=np.column_stack([gpus, np.array(jobs.batch)[chosen], is_application]),
            feature_names=("gpus", "batch_size", *(f"is {name}" for name in known)),
            slots=gpus,
            names=[jobs.names[i] for i in chosen.tolist()],
            notes=account.notes(),
        )
    except TaskError as error:
        raise InputError(f"'{path}', line {jobs.lines[int(chosen[error.task])]}: {error}") from error
