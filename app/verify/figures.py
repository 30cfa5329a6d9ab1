"""The figures of a race that cases may name, all of them computed from its events."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from engine.metrics import busy_slot_seconds
from engine.race import Race
from engine.records import FinishedTasks
from engine.results import RaceResult

FIGURES: Mapping[str, str] = {
    "tasks": "tasks that finished",
    "makespan_s": "last finish - first arrival",
    "mean_response_s": "mean of finish - arrival",
    "p50_response_s": "median of finish - arrival",
    "p95_response_s": "95th percentile of finish - arrival",
    "p99_response_s": "99th percentile of finish - arrival",
    "mean_wait_s": "mean of first start - arrival",
    "waited_share": "share of the tasks that waited at all",
    "mean_in_system": "tasks in the system, averaged over time from the first arrival to the last finish",
    "mean_bounded_slowdown": "mean of max(1, (wait + run) / max(run, 10 s))",
    "throughput_per_s": "tasks / makespan",
    "utilisation_cpu": "busy slot-seconds / slots / makespan of the CPUs",
    "utilisation_gpu": "the same of the GPUs",
    "busy_slot_s": "seconds x slots that shares held, over all devices",
    "slots": "slots of all devices",
    "first_arrival_s": "second of the first arrival",
    "last_start_s": "second at which the last task started",
    "last_finish_s": "second at which the last task finished",
    "energy_j": "energy",
    "cost": "cost",
    "jain": "Jain's index",
    "bound_makespan_s": "a proven lower bound of the makespan",
    "bound_critical_path_s": "the critical path, the part of it that knows no other tasks",
    "bound_mean_response_s": "a proven lower bound of the mean response",
}


def figures_of(race: Race, result: RaceResult) -> dict[str, float | None]:
    """Return the :data:`FIGURES` of a finished race of one scheduler; None where one is not defined."""
    (row,) = result.rows
    (done,) = race.take_finished()
    bound = result.bound
    held_slot_s = busy_slot_seconds(race.lanes[0].simulation, math.inf)
    same = {name: getattr(row, name) for name in FIGURES if hasattr(row, name)}
    return same | {
        "waited_share": float(np.mean(done.start_s > done.arrival_s)),
        "mean_in_system": mean_in_system(done),
        "utilisation_cpu": row.utilisation["cpu"],
        "utilisation_gpu": row.utilisation["gpu"],
        "busy_slot_s": float(held_slot_s.sum()),
        "slots": float(sum(device.slots for device in race.cluster.devices)),
        "first_arrival_s": race.first_arrival_s,
        "last_start_s": float(done.start_s.max()),
        "last_finish_s": float(done.finish_s.max()),
        "bound_makespan_s": bound.makespan_s if bound else None,
        "bound_critical_path_s": bound.critical_path_s if bound else None,
        "bound_mean_response_s": bound.mean_response_s if bound else None,
    }


def mean_in_system(done: FinishedTasks) -> float:
    """Return the time average of the number of tasks that have arrived and not finished, from event to event (the L of
    Little's law)."""
    at_s = np.concatenate([done.arrival_s, done.finish_s])
    change = np.repeat([1, -1], len(done))
    order = np.argsort(at_s, kind="stable")
    inside = np.cumsum(change[order])[:-1]
    return float(inside @ np.diff(at_s[order]) / (at_s.max() - at_s.min()))
