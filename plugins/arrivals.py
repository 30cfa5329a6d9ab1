"""When tasks arrive: Poisson or in bursts at a given load, and the rescaling of arrivals that a file brings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.cluster import Cluster
from engine.load import sustainable_rate
from engine.workload import FloatArray, Workload

# The bursts: a quarter of the time three times the mean rate, otherwise a third of it; 50 arrivals in a mean burst.
_BURST_RATE, _QUIET_RATE, _BURST_TIME, _BURST_ARRIVALS = 3.0, 1.0 / 3.0, 0.25, 50.0


def poisson(rng: np.random.Generator, count: int) -> FloatArray:
    """Return arrivals of a Poisson process of rate 1, the first at 0 (a race's clock starts there)."""
    gaps = rng.exponential(size=count)
    gaps[0] = 0.0
    return np.cumsum(gaps)


def bursty(rng: np.random.Generator, count: int) -> FloatArray:
    """Return arrivals of a two-state Markov-modulated Poisson process of mean rate 1, the first at 0.

    Both states last an exponential time. The process is drawn as a Poisson one in operational time and mapped back
    through the integral of its rate (Cinlar's time change).
    """
    operational = poisson(rng, count)
    mean_s = {True: _BURST_ARRIVALS / _BURST_RATE}
    mean_s[False] = mean_s[True] * (1 - _BURST_TIME) / _BURST_TIME
    clock, expected = [0.0], [0.0]
    burst = bool(rng.random() < _BURST_TIME)
    while expected[-1] <= operational[-1]:
        lasts_s = rng.exponential(mean_s[burst])
        clock.append(clock[-1] + lasts_s)
        expected.append(expected[-1] + lasts_s * (_BURST_RATE if burst else _QUIET_RATE))
        burst = not burst
    return np.interp(operational, expected, clock)


def with_arrivals(tasks: Workload, cluster: Cluster, unit_rate_s: FloatArray, load: float) -> Workload:
    """Return the tasks with arrivals of rate 1 stretched to ``load`` times the rate that the cluster can sustain."""
    arrival_s = unit_rate_s / (load * sustainable_rate(tasks, cluster))
    arrival_s.flags.writeable = False
    return replace(tasks, arrival_s=arrival_s)


def load_of(tasks: Workload, cluster: Cluster) -> float | None:
    """Return the load of the arrivals as they are, or None when all tasks arrive at once."""
    span_s = float(tasks.arrival_s.max() - tasks.arrival_s.min())
    return (len(tasks) - 1) / span_s / sustainable_rate(tasks, cluster) if span_s > 0 else None


def rescaled(tasks: Workload, cluster: Cluster, load: float) -> Workload:
    """Return the tasks with the gaps between arrivals stretched so that the load is ``load``.

    Deadlines keep their distance from the arrival. A note says by how much; tasks that all arrive at once stay so, and
    the note says that.
    """
    present = load_of(tasks, cluster)
    if present is None:
        return replace(tasks, notes=(*tasks.notes, "All tasks arrive at once, so the load has no effect."))
    first, factor = float(tasks.arrival_s.min()), present / load
    arrival_s = first + (tasks.arrival_s - first) * factor
    deadline_s = tasks.deadline_s
    if deadline_s is not None:
        deadline_s = deadline_s + (arrival_s - tasks.arrival_s)
        deadline_s.flags.writeable = False
    arrival_s.flags.writeable = False
    note = f"Arrivals stretched by {factor:.4g}: load {present:.3g} as recorded, {load:.3g} as asked."
    return replace(tasks, arrival_s=arrival_s, deadline_s=deadline_s, notes=(*tasks.notes, note))
