"""Jobs of parallel machines, from logs in the Standard Workload Format (.swf)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.cluster import Cluster
from engine.errors import InputError, TaskError
from engine.params import parameter
from engine.workload import BoolArray, FloatArray, IntArray, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import WorkloadPlugin, WorkloadRequest
from plugins.workloads.invented import invented_gpu_s, lacks_gpu_times
from plugins.workloads.swf_log import SwfLog, looks_like_swf, machine_size, read_header, read_log, said_by
from plugins.workloads.trace import Account, TraceParams

_FEATURES = ("log_processors", "log_requested_s", "user", "group", "executable", "queue", "partition")


@dataclass(frozen=True)
class SwfParams(TraceParams):
    """The part of the log that races, and what its odd jobs do."""

    overrun: str = parameter(
        "killed",
        "A job that ran longer than it asked for: killed at its request, or run to its end",
        choices=("killed", "run"),
    )
    unfinished: str = parameter(
        "run",
        "Jobs that failed or were cancelled while they ran: run as long as they did, or leave_out",
        choices=("run", "leave_out"),
    )


class Swf(WorkloadPlugin):
    """The jobs of a log."""

    name = "swf"
    summary = "Jobs of a parallel machine from a log in the Standard Workload Format (.swf)."
    explanation = (
        "A rigid job takes all its processors at once. Schedulers are told the time that it asked for; it runs as long "
        "as it did then. Submit times stay those of the log."
    )
    Params = SwfParams
    reads_files = True

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the log whole; ``tasks`` takes the first jobs of the chosen part, ``load`` stretches the gaps."""
        if request.path is None:
            raise InputError("The workload 'swf' reads a file; write swf:FILE.")
        account = Account(request.path, "jobs")
        log = read_log(request.path, request.progress)
        jobs = _Jobs(log, self.params, account)
        chosen = account.choose(jobs.arrival_s, self.params, request.tasks)
        _check_machine(log, jobs, chosen, request.cluster)
        for sentence in said_by(log.header):
            account.assume(sentence)
        tasks = _tasks(log, jobs, chosen, request, account)
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether it is called .swf, or begins with the format's header and then has lines of 18 numbers."""
        return path.suffix.lower() == ".swf" or looks_like_swf(head)

    @classmethod
    def cluster_of(cls, path: Path, head: str) -> str | None:
        """Return a pool of as many processors as the header says that the machine had (MaxProcs, else MaxNodes)."""
        count = machine_size(read_header(path))
        return f"processors:{count}" if count else None


class _Jobs:
    """The jobs that can race, as columns; ``row`` is their place in the log."""

    def __init__(self, log: SwfLog, params: SwfParams, account: Account) -> None:
        slots = _first_given(log.column("requested_processors"), log.column("allocated_processors"))
        keep = np.ones(len(slots), dtype=bool)
        status = log.column("status")
        reasons: list[tuple[BoolArray, str]] = [
            (np.isin(status, (2, 3, 4)), "are parts of an interrupted job that has a line of its own"),
            (slots <= 0, "name no processors"),
            (log.column("run") <= 0, "have no run time (status -1 or cancelled before they began)"),
        ]
        if params.unfinished == "leave_out":
            reasons.append((np.isin(status, (0, 5)), "failed or were cancelled"))
        for bad, reason in reasons:
            account.leave_out(reason, int((keep & bad).sum()))
            keep &= ~bad
        self.row: IntArray = np.flatnonzero(keep)
        self.arrival_s: FloatArray = log.column("submit")[keep]
        self.slots: IntArray = slots[keep].astype(np.int64)
        self.requested_s: FloatArray = log.column("requested_time")[keep]
        run_s: FloatArray = log.column("run")[keep]
        self.etc_s = _first_given(self.requested_s, run_s)
        self.actual_s = np.minimum(run_s, self.etc_s) if params.overrun == "killed" else run_s
        self.overruns: BoolArray = run_s > self.etc_s
        memory_kb = _first_given(log.column("requested_memory"), log.column("used_memory"))[keep]
        self.memory_gb: FloatArray = np.maximum(memory_kb, 0.0) * self.slots / 1e6  # the log counts by processor


def _first_given(preferred: FloatArray, other: FloatArray) -> FloatArray:
    return np.where(preferred > 0, preferred, other)


def _check_machine(log: SwfLog, jobs: _Jobs, chosen: IntArray, cluster: Cluster) -> None:
    """Refuse the first job that is larger than every device."""
    most = max(device.slots for device in cluster.devices)
    large = np.flatnonzero(jobs.slots[chosen] > most)
    if not len(large):
        return
    job = int(chosen[large[0]])
    raise InputError(
        f"{log.where(int(jobs.row[job]))}: job {log.column('job')[jobs.row[job]]:.0f} asks for {jobs.slots[job]} "
        f"processors, and no device of cluster '{cluster.name}' has more than {most}. Choose a larger one, such as "
        f"processors:{max(machine_size(log.header), int(jobs.slots[chosen].max()))}."
    )


def _tasks(log: SwfLog, jobs: _Jobs, chosen: IntArray, request: WorkloadRequest, account: Account) -> Workload:
    rows = jobs.row[chosen]
    etc_s, actual_s = jobs.etc_s[:, None], jobs.actual_s[:, None]
    models: tuple[str, ...] = ("cpu",)
    if lacks_gpu_times(request.cluster, models):
        models = ("cpu", "gpu")
        # drawn for the whole log, so that a job's speed-up does not depend on the part that races
        ratio = invented_gpu_s(jobs.actual_s, request.seed, account) / jobs.actual_s
        etc_s, actual_s = (np.column_stack([cpu_s, cpu_s[:, 0] * ratio]) for cpu_s in (etc_s, actual_s))
    _own_up(log, jobs, chosen, account, killed=bool((jobs.actual_s <= jobs.etc_s).all()))
    users = log.column("user")[rows]
    try:
        return workload(
            log.path.stem,
            models,
            jobs.arrival_s[chosen],
            actual_s[chosen],
            etc_s=etc_s[chosen],
            slots=jobs.slots[chosen],
            memory_gb=jobs.memory_gb[chosen],
            features=_features(log, jobs, chosen),
            feature_names=_FEATURES,
            users=[f"{user:.0f}" if user >= 0 else "" for user in users.tolist()] if (users >= 0).any() else None,
            names=[f"{job:.0f}" for job in log.column("job")[rows].tolist()],
            notes=account.notes(),
        )
    except TaskError as error:
        raise InputError(f"{log.where(int(rows[error.task]))}: {error}") from error


def _features(log: SwfLog, jobs: _Jobs, chosen: IntArray) -> FloatArray:
    """Return what is known of a job before it runs; a request that the log does not have counts as 0."""
    rows = jobs.row[chosen]
    logs = [np.log(jobs.slots[chosen]), np.log1p(np.maximum(jobs.requested_s[chosen], 0.0))]
    return np.column_stack([*logs, *(log.column(field)[rows] for field in _FEATURES[len(logs) :])])


def _own_up(log: SwfLog, jobs: _Jobs, chosen: IntArray, account: Account, killed: bool) -> None:
    """Say what the log does not have and what was made of it."""
    unasked = int((jobs.requested_s[chosen] <= 0).sum())
    if unasked:
        account.assume(f"{unasked:,} jobs state no requested time: schedulers are told their true one.")
    overruns = int(jobs.overruns[chosen].sum())
    if overruns:
        fate = "are killed at their request (overrun=killed)" if killed else "run to their end (overrun=run)"
        account.assume(f"{overruns:,} jobs ran longer than they asked for; they {fate}.")
    followers = int((log.column("preceding_job")[jobs.row[chosen]] > 0).sum())
    if followers:
        account.assume(f"{followers:,} jobs name a job that they follow; they arrive when the log says all the same.")
