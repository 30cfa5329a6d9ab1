"""What is said about recorded runs: the same figures from a database as from journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

SUMMARY: Sequence[str] = (
    *("status", "reason", "tasks", "makespan_s", "mean_response_s", "p50_response_s", "p95_response_s"),
    *("p99_response_s", "mean_wait_s", "mean_bounded_slowdown", "throughput_per_s", "energy_j", "cost", "jain"),
    *("regret", "digest"),
)
"""What a summary takes as it is from a scheduler's row in ``result.json``."""


@dataclass(frozen=True, slots=True)
class RunOverview:
    """One line of the list of runs. ``ranking`` names the schedulers that finished, best mean response first, and
    ``mean_response_s`` are these means.

    ``finished_at`` is None while a run is going on, and for one that was cut. ``storage`` is where it is read from.
    """

    run: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    app_version: str
    workload: str
    cluster: str
    seed: int
    tasks: int
    schedulers: tuple[str, ...]
    digest: str | None
    ranking: tuple[str, ...]
    mean_response_s: tuple[float, ...]
    storage: Literal["database", "csv"]

    def as_json(self) -> dict[str, Any]:
        """Return the line as a JSON object."""
        row = asdict(self)
        row["started_at"] = self.started_at.isoformat()
        row["finished_at"] = self.finished_at and self.finished_at.isoformat()
        return row


@dataclass(frozen=True, slots=True)
class SchedulerStats:
    """How one scheduler did: in the whole race where that is over, else on the tasks that it has finished so far.

    ``energy_j`` is that of all devices, idle power included, which is known at the end only; ``task_energy_j`` (above
    idle power) and ``gpu_fraction`` (the mean of its tasks) are those of the rows and not part of a summary. None: not
    known; a disqualified scheduler has no figures.
    """

    scheduler: str
    tasks: int
    makespan_s: float | None
    mean_response_s: float | None
    p50_response_s: float | None
    p95_response_s: float | None
    p99_response_s: float | None
    mean_wait_s: float | None
    mean_bounded_slowdown: float | None
    cost: float | None
    energy_j: float | None = None
    task_energy_j: float | None = None
    gpu_fraction: float | None = None


def summary_row(run: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of ``run_summary`` for one scheduler of ``result.json``."""
    used = row["utilisation"]
    figures = {name: row[name] for name in SUMMARY}
    names = {"run": run, "scheduler": row["name"]}
    return {**names, **figures, "utilisation_cpu": used.get("cpu"), "utilisation_gpu": used.get("gpu")}


def result_row(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of ``result.json`` for one scheduler, as far as its summary tells it."""
    used = {"cpu": summary["utilisation_cpu"], "gpu": summary["utilisation_gpu"]}
    figures = {name: summary[name] for name in SUMMARY}
    return {"name": summary["scheduler"], **figures, "utilisation": used}


def summary_so_far(run: str, status: str, stats: SchedulerStats) -> dict[str, Any]:
    """Return the same columns for a run without a result; what only its end can tell is None."""
    row = dict.fromkeys((*SUMMARY, "utilisation_cpu", "utilisation_gpu"))
    figures = {name: value for name, value in asdict(stats).items() if name in row or name == "scheduler"}
    n, span_s = stats.tasks, stats.makespan_s
    return {**row, **figures, "run": run, "status": status, "throughput_per_s": n / span_s if span_s else None}


def stats_of(summary: Mapping[str, Any]) -> SchedulerStats:
    """Return a finished run's statistics of one scheduler from its summary."""
    return SchedulerStats(
        scheduler=summary["scheduler"],
        tasks=summary["tasks"],
        makespan_s=summary["makespan_s"],
        mean_response_s=summary["mean_response_s"],
        p50_response_s=summary["p50_response_s"],
        p95_response_s=summary["p95_response_s"],
        p99_response_s=summary["p99_response_s"],
        mean_wait_s=summary["mean_wait_s"],
        mean_bounded_slowdown=summary["mean_bounded_slowdown"],
        cost=summary["cost"],
        energy_j=summary["energy_j"],
    )


def best_first(stats: Sequence[SchedulerStats]) -> list[SchedulerStats]:
    """Return statistics by mean response; those without one come last."""
    return sorted(stats, key=lambda row: (row.mean_response_s is None, row.mean_response_s or 0.0, row.scheduler))


def ranked(summaries: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
    """Return the mean responses of the schedulers that finished, and whose they are, best first."""
    means = [
        (row["mean_response_s"], row["scheduler"])
        for row in summaries
        if row["status"] == "finished" and row["mean_response_s"] is not None
    ]
    return sorted(means)
