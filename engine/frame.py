"""Snapshots of a race: the only thing that crosses into the window."""

from __future__ import annotations

from dataclasses import dataclass

from engine.drift import SpeedChange
from engine.learning import LearningFrame
from engine.results import Status
from engine.workload import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class LaneFrame:
    """One scheduler at one instant. nan: not known yet.

    ``curve_t_s``/``curve_response_s``: mean response of the tasks that finished in each bucket of simulated time (at
    most ~1000 buckets); ``util_t_s``/``util_cpu``/``util_gpu``: busy share 0..1 of each kind in each bucket.
    ``on_cpu``/``on_gpu``/``on_both``: finished tasks by where they ran. ``regret_s`` is against the oracle on the tasks
    that both have finished, ``gap`` the mean response / its lower bound - 1, once all tasks have finished.
    ``model_since_s``: simulated second at which its first learned model became active. ``learning``: None where its
    estimator does not learn.
    """

    scheduler: str
    status: Status
    reason: str
    finished: int
    backlog: int
    mean_response_s: float
    p95_response_s: float
    energy_j: float
    cost: float
    regret_s: float
    gap: float
    curve_t_s: FloatArray
    curve_response_s: FloatArray
    util_t_s: FloatArray
    util_cpu: FloatArray
    util_gpu: FloatArray
    on_cpu: int
    on_gpu: int
    on_both: int
    models: int
    model_since_s: float
    learning: LearningFrame | None


@dataclass(frozen=True, slots=True, eq=False)
class DeviceStrip:
    """The devices of the selected scheduler over simulated time, in the rows of :func:`engine.strip.rows_of`.

    ``busy`` is rows x buckets, the busy share 0..1 of the row's slots, ``queued`` the mean number of waiting shares a
    device; ``edges_s`` are the buckets + 1 time edges. ``busy_now`` (slots) and ``queued_now`` (shares) are those of
    each device at this instant."""

    scheduler: str
    row_of: IntArray
    edges_s: FloatArray
    busy: FloatArray
    queued: FloatArray
    busy_now: FloatArray
    queued_now: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A race at simulated second ``clock_s``; ``done`` when every lane has ended. ``completions`` counts the tasks
    that all lanes together have finished, from which the window derives tasks per second of wall time.
    ``bound_response_s`` is the mean response that no schedule of all tasks can beat; nan until the lines move.
    ``speed_changes`` are those of the whole race, of which schedulers know nothing."""

    clock_s: float
    end_of_arrivals_s: float
    tasks: int
    arrived: int
    lanes: tuple[LaneFrame, ...]
    strip: DeviceStrip | None
    completions: int
    bound_response_s: float
    done: bool
    speed_changes: tuple[SpeedChange, ...] = ()
