"""The figures of a race, from what happened. Definitions: design.md, Words; formulas in each function's docstring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engine.bounds import Bounds, gap
from engine.cluster import Cluster, Kind
from engine.ledger import DeviceRates
from engine.records import FinishedTasks, MetricSeries
from engine.resource_use import fragmentation, gpu_memory_peak_gb, moved_gb
from engine.results import SchedulerResult
from engine.rounding import beyond_rounding
from engine.simulation import Simulation
from engine.workload import FloatArray

SLOWDOWN_FLOOR_S = 10.0
"""Runs shorter than this do not count as slow (Feitelson et al. 1997)."""


def bounded_slowdown(wait_s: FloatArray, run_s: FloatArray) -> FloatArray:
    """Return max(1, (wait + run) / max(run, 10 s)) of each task (Feitelson et al., JSSPP 1997)."""
    slowdown: FloatArray = np.maximum(1.0, (wait_s + run_s) / np.maximum(run_s, SLOWDOWN_FLOOR_S))
    return slowdown


def jain_index(values: FloatArray) -> float:
    """Return (sum x)^2 / (n sum x^2): 1 when all are equal, 1/n when one has everything (Jain et al. 1984)."""
    largest = float(values.max(initial=0.0))
    if largest <= 0.0:
        return 1.0
    shares = values / largest  # the index knows no scale, but squares of large seconds would overflow
    return float(shares.sum()) ** 2 / (len(shares) * float(np.square(shares).sum()))


def busy_slot_seconds(simulation: Simulation, until_s: float) -> FloatArray:
    """Return for each device the slot-seconds that shares have held up to a simulated second."""
    parts = simulation.ledger.parts()
    ran_s = np.minimum(np.where(np.isnan(parts.end_s), until_s, parts.end_s), until_s) - parts.start_s
    slots = simulation.columns.slots_array[parts.task]
    held = np.where(np.isnan(parts.start_s), 0.0, np.maximum(ran_s, 0.0) * slots)
    per_device: FloatArray = np.bincount(parts.device, held, minlength=len(simulation.cluster.devices)).astype(
        np.float64
    )
    return per_device


def energy_j(busy_slot_s: FloatArray, cluster: Cluster, span_s: float) -> float:
    """Return idle power over the span plus (active - idle) x busy slot-seconds / slots, over all devices, in joules."""
    rates = DeviceRates(cluster)
    return float(rates.idle_w.sum() * span_s + (rates.extra_w * busy_slot_s / rates.slots).sum())


def cost(busy_slot_s: FloatArray, cluster: Cluster) -> float:
    """Return price per hour x busy slot-seconds / slots, over all devices, in the currency of the cluster file."""
    rates = DeviceRates(cluster)
    return float((rates.price_per_s * busy_slot_s / rates.slots).sum())


def utilisation(busy_slot_s: FloatArray, cluster: Cluster, kind: Kind, makespan_s: float) -> float | None:
    """Return busy slot-seconds / slots / makespan of the devices of a kind; None without such devices."""
    index = [d.index for d in cluster.of_kind(kind)]
    if not index or makespan_s <= 0:
        return None
    slots = sum(cluster.devices[i].slots for i in index)
    return float(busy_slot_s[index].sum()) / slots / makespan_s


def summarise(
    label: str,
    simulation: Simulation,
    first_arrival_s: float,
    end_s: float,
    oracle: FinishedTasks | None,
    bound: Bounds | None,
) -> SchedulerResult:
    """Return the row of one scheduler.

    ``end_s`` is the race's common end, up to which idle power counts; ``oracle`` the tasks that the oracle finished,
    None when it did not race; ``bound`` is None where no schedule is possible. A disqualified scheduler has a reason
    but no figures, a stopped one no gap: it has not done all tasks.
    """
    done = finished_by(label, simulation)
    status = simulation.status
    if status == "disqualified" or len(done) == 0:
        return _row_without_figures(label, simulation, len(done))
    response_s = done.finish_s - done.arrival_s
    wait_s = done.start_s - done.arrival_s
    makespan_s = float(done.finish_s.max()) - first_arrival_s
    busy_to_end = busy_slot_seconds(simulation, end_s)
    busy = busy_slot_seconds(simulation, first_arrival_s + makespan_s)
    misses, miss_share = missed_deadlines(done, simulation.columns.deadline_s)
    p50, p95, p99 = (float(v) for v in np.percentile(response_s, [50, 95, 99]))
    return SchedulerResult(
        name=label,
        status=status,
        reason=simulation.reason,
        tasks=len(done),
        makespan_s=makespan_s,
        mean_response_s=float(response_s.mean()),
        p50_response_s=p50,
        p95_response_s=p95,
        p99_response_s=p99,
        mean_wait_s=float(wait_s.mean()),
        mean_bounded_slowdown=float(bounded_slowdown(wait_s, done.finish_s - done.start_s).mean()),
        throughput_per_s=len(done) / makespan_s if makespan_s > 0 else None,
        utilisation={
            "cpu": utilisation(busy, simulation.cluster, "cpu", makespan_s),
            "gpu": utilisation(busy, simulation.cluster, "gpu", makespan_s),
        },
        energy_j=energy_j(busy_to_end, simulation.cluster, end_s - first_arrival_s),
        cost=cost(busy_to_end, simulation.cluster),
        jain=jain_index(_by_user(response_s, done, simulation.columns.users)),
        regret=None if oracle is None else mean_regret(done, oracle),
        gap=_gaps(makespan_s, float(response_s.mean()), bound if status == "finished" else None),
        deadline_misses=misses,
        deadline_miss_share=miss_share,
        moved_gb=moved_gb(simulation),
        gpu_memory_peak_gb=gpu_memory_peak_gb(simulation),
        memory_refusals=len(simulation.memory_refused),
        fragmentation=fragmentation(simulation, first_arrival_s, first_arrival_s + makespan_s),
        decision_latency_s=simulation.decisions.seconds(),
        digest=simulation.ledger.digest(),
        learning=simulation.estimator.account(),
    )


OF_WALL_TIME = ("decision_latency_mean_s", "decision_latency_p99_s")
"""Metrics that differ when the same race is run again: they tell of the machine, not of the model."""


def final_series(row: SchedulerResult, at_s: float) -> Iterator[MetricSeries]:
    """Yield the figures for which a stored summary has no column, each as a metric of one value at second ``at_s``."""
    figures = {
        "gap_makespan": row.gap["makespan"],
        "gap_mean_response": row.gap["mean_response"],
        "deadline_misses": row.deadline_misses,
        "deadline_miss_share": row.deadline_miss_share,
        "moved_gb": row.moved_gb,
        "gpu_memory_peak_gb": row.gpu_memory_peak_gb,
        "memory_refusals": row.memory_refusals,
        "fragmentation": row.fragmentation,
        "decision_latency_mean_s": row.decision_latency_s["mean"],
        "decision_latency_p99_s": row.decision_latency_s["p99"],
    }
    for name, value in figures.items():
        if value is not None:
            yield MetricSeries(row.name, name, np.array([at_s]), np.array([float(value)]))


def finished_by(label: str, simulation: Simulation) -> FinishedTasks:
    """Return all tasks that a simulation has finished."""
    ledger = simulation.ledger
    return ledger.finished_tasks(label, 0, len(ledger.finished), simulation.columns, simulation.cluster)


def mean_regret(done: FinishedTasks, oracle: FinishedTasks) -> float | None:
    """Return the mean over the tasks that both have finished of (response - the oracle's response), in seconds."""
    _, mine, theirs = np.intersect1d(done.task, oracle.task, assume_unique=True, return_indices=True)
    if len(mine) == 0:
        return None
    difference_s = (done.finish_s[mine] - oracle.finish_s[theirs]).mean()
    return float(beyond_rounding(difference_s, done.finish_s[mine].max()))


def missed_deadlines(done: FinishedTasks, deadline_s: Sequence[float]) -> tuple[int | None, float | None]:
    """Return how many finished tasks were late, and their share of those that have a deadline; None without any."""
    due_s = np.array(deadline_s)[done.task]
    due = int(np.isfinite(due_s).sum())
    late = int((done.finish_s > due_s).sum())
    return (late, late / due) if due else (None, None)


def _gaps(makespan_s: float, mean_response_s: float, bound: Bounds | None) -> dict[str, float | None]:
    if bound is None:
        return {"makespan": None, "mean_response": None}
    return {
        "makespan": gap(makespan_s, bound.makespan_s),
        "mean_response": gap(mean_response_s, bound.mean_response_s),
    }


def _by_user(response_s: FloatArray, done: FinishedTasks, users: Sequence[str] | None) -> FloatArray:
    """Return the mean response of each user; without users each task stands for itself."""
    if users is None:
        return response_s
    _, user = np.unique([users[i] for i in done.task.tolist()], return_inverse=True)
    means: FloatArray = np.bincount(user, response_s) / np.bincount(user)
    return means


def _row_without_figures(label: str, simulation: Simulation, tasks: int) -> SchedulerResult:
    return SchedulerResult(
        name=label,
        status=simulation.status,
        reason=simulation.reason,
        tasks=tasks,
        makespan_s=None,
        mean_response_s=None,
        p50_response_s=None,
        p95_response_s=None,
        p99_response_s=None,
        mean_wait_s=None,
        mean_bounded_slowdown=None,
        throughput_per_s=None,
        utilisation={"cpu": None, "gpu": None},
        energy_j=None,
        cost=None,
        jain=None,
        regret=None,
        gap={"makespan": None, "mean_response": None},
        deadline_misses=None,
        deadline_miss_share=None,
        moved_gb=None,
        gpu_memory_peak_gb=None,
        memory_refusals=None,
        fragmentation=None,
        decision_latency_s={"mean": None, "p99": None},
        digest=simulation.ledger.digest(),
        traceback=simulation.traceback,
    )
