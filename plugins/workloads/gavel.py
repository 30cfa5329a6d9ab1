"""Job traces of Gavel, joined with its measured throughputs: what each job takes on each generation of GPUs.

Narayanan et al. 2020, 'Heterogeneity-aware cluster scheduling policies for deep learning workloads' (OSDI). A job does
``total_steps`` steps on ``scale_factor`` GPUs of one model; the table of throughputs (:mod:`gavel_throughputs`) says
how many steps a second that makes. A device is a pool of GPUs of one model, as in the preset ``gavel``: Gavel's
simulator knows no placement within a model either, unless it is asked for the figures measured across servers.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.errors import InputError, TaskError
from engine.params import parameter
from engine.workload import FloatArray, IntArray, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import Progress, WorkloadPlugin, WorkloadRequest
from plugins.workloads.gavel_throughputs import Throughputs, read_throughputs, throughputs_beside
from plugins.workloads.lines import open_lines
from plugins.workloads.rows import Row
from plugins.workloads.table import Problems
from plugins.workloads.trace import Account, TraceParams

_JOB = ("job_type", "command", "steps_argument", "needs_data_dir", "total_steps")
LAYOUTS = {
    7: (*_JOB, "arrival_time", "scale_factor"),
    9: (*_JOB, "scale_factor", "priority_weight", "SLO", "arrival_time"),
}
"""The columns by their number: the traces of Philly's virtual clusters, and those that Gavel's generator writes."""
_MOST_GPUS, _MOST_STEPS = 10_000, 10**15
_BATCH = re.compile(r"(.*) \(batch size (\d{1,9})\)")


@dataclass(frozen=True)
class GavelParams(TraceParams):
    """The part of the trace that races, and where the throughputs are."""

    throughputs: str = parameter("", "The file of throughputs; empty: the one beside the trace or in a folder above it")


class Gavel(WorkloadPlugin):
    """Deep-learning jobs with measured speeds on three generations of GPUs."""

    name = "gavel"
    summary = "Gavel's deep-learning jobs, with measured speeds on K80, P100 and V100 GPUs."
    explanation = (
        "A job takes its number of GPUs of one model for its steps over the steps a second that were measured there. "
        "A V100 is between 0.7 and 12 times as fast as a K80, by job: that is what a policy can gain from."
    )
    Params = GavelParams
    reads_files = True

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the trace and the throughputs whole; ``tasks`` takes the first jobs, ``load`` stretches the gaps."""
        if request.path is None:
            raise InputError("The workload 'gavel' reads a file; write gavel:FILE.")
        named = Path(self.params.throughputs).expanduser() if self.params.throughputs else None
        speeds = read_throughputs(named or throughputs_beside(request.path))
        account = Account(request.path, "jobs")
        jobs = _read(request.path, speeds, account, request.progress)
        chosen = account.choose(np.array(jobs.arrival_s), self.params, request.tasks)
        account.assume(
            f"Run times are steps over the steps a second in '{speeds.path.name}', measured with all GPUs of a job in "
            "one server; schedulers are told them."
        )
        tasks = _tasks(request.path, jobs, chosen, speeds.models, account)
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the first line has the columns of a trace, with numbers where they belong."""
        row = _row(1, head.partition("\n")[0], Problems(path))
        if row is None:
            return False
        _numbers(row)
        return row.sound

    @classmethod
    def cluster_of(cls, path: Path, head: str) -> str:
        """Return the cluster of the published simulations."""
        return "gavel"


@dataclass(slots=True)
class _Jobs:
    """The jobs that can race, as they come in; ``seconds`` holds one figure a model, inf where it cannot run."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    types: list[str] = field(default_factory=list)
    arrival_s: array[float] = field(default_factory=lambda: array("d"))
    seconds: list[list[float]] = field(default_factory=list)
    steps: array[float] = field(default_factory=lambda: array("d"))
    gpus: array[int] = field(default_factory=lambda: array("q"))


def _row(line: int, text: str, problems: Problems) -> Row | None:
    """Return the line by its columns, None when there are neither 7 nor 9 of them."""
    cells = text.split("\t")
    columns = LAYOUTS.get(len(cells))
    return Row(line, dict(zip(columns, cells, strict=True)), problems) if columns else None


def _numbers(row: Row) -> tuple[float, int, int]:
    """Return arrival, steps and GPUs of a job."""
    row.whole("needs_data_dir", low=0, high=1)
    steps = row.whole("total_steps", low=1, high=_MOST_STEPS)
    gpus = row.whole("scale_factor", low=1, high=_MOST_GPUS)
    return row.number("arrival_time"), steps, gpus


def _read(path: Path, speeds: Throughputs, account: Account, progress: Progress) -> _Jobs:
    jobs, problems = _Jobs(), Problems(path)
    with open_lines(path, progress) as lines:
        for line, text in lines:
            if not text.strip():
                continue
            row = _row(line, text, problems)
            if row is None:
                problems.add(line, None, f"has {text.count(chr(9)) + 1} columns between tabs; a job has 7 or 9")
            else:
                _read_job(row, speeds, jobs, account)
    problems.refuse()
    return jobs


def _read_job(row: Row, speeds: Throughputs, jobs: _Jobs, account: Account) -> None:
    arrival_s, steps, gpus = _numbers(row)
    if not row.sound:
        return
    kind = row.text("job_type")
    seconds = speeds.seconds(kind, gpus, steps)
    if not np.isfinite(seconds).any():
        account.leave_out("have no throughput for their type and number of GPUs on any model")
        return
    jobs.lines.append(row.line)
    jobs.types.append(kind)
    jobs.arrival_s.append(arrival_s)
    jobs.seconds.append(seconds)
    jobs.steps.append(steps)
    jobs.gpus.append(gpus)


def _tasks(path: Path, jobs: _Jobs, chosen: IntArray, models: tuple[str, ...], account: Account) -> Workload:
    types = [jobs.types[i] for i in chosen.tolist()]
    gpus = np.array(jobs.gpus)[chosen]
    features, names = _features(types, np.array(jobs.steps)[chosen], gpus)
    on_cpu = np.full((len(chosen), 1), np.inf)
    try:
        return workload(
            path.stem,
            ("cpu", *models),
            np.array(jobs.arrival_s)[chosen],
            np.hstack([on_cpu, np.array(jobs.seconds)[chosen]]),
            features=features,
            feature_names=names,
            slots=gpus,
            names=types,
            notes=account.notes(),
        )
    except TaskError as error:
        raise InputError(f"'{path}', line {jobs.lines[int(chosen[error.task])]}: {error}") from error


def _features(types: list[str], steps: FloatArray, gpus: IntArray) -> tuple[FloatArray, tuple[str, ...]]:
    """Return what is known of a job before it runs: steps, GPUs, batch size (0: none) and, as 0 or 1, its network."""
    parsed = [_BATCH.fullmatch(kind) for kind in types]
    networks = [match[1] if match else kind for match, kind in zip(parsed, types, strict=True)]
    batch = [float(match[2]) if match else 0.0 for match in parsed]
    known = sorted(set(networks))
    is_network = np.array(networks)[:, None] == np.array(known)[None, :]
    features: FloatArray = np.column_stack([np.log1p(steps), gpus, batch, is_network])
    return features, ("log_steps", "gpus", "batch_size", *(f"is {network}" for network in known))
