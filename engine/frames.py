"""Makes the snapshots of a running race."""

from __future__ import annotations

import math

import numpy as np

from engine.bounds import gap
from engine.drift import speed_changes
from engine.frame import DeviceStrip, Frame, LaneFrame
from engine.learner import Learner
from engine.learning import LearningDigest, LearningFrame
from engine.metrics import cost, energy_j
from engine.race import ORACLE, Lane, Race, is_reference
from engine.rounding import beyond_rounding
from engine.simulation import Simulation
from engine.strip import StripTimeline
from engine.timeline import LaneTimeline

_REFRESH_GROWTH = 1.02
"""Percentiles and regret are recomputed when 2 % more tasks have finished: their cost stays a small, fixed share."""

_SOON_BOUNDED = 20_000
"""So many tasks are bounded within 0.1 s while they race; where there are more, it waits for the end."""


class _LaneDigest:
    """The growing figures of one lane: what every frame shows, and what is costly to recompute."""

    def __init__(self, lane: Lane, tasks: int) -> None:
        self.lane = lane
        self.timeline = LaneTimeline(lane.simulation)
        self.response_s = np.full(tasks, np.nan)
        self.seen = 0
        self.total_s = 0.0
        self.on = (0, 0, 0)  # CPU only, GPU only, both
        self.p95_s = math.nan
        self.regret_s = math.nan
        self.energy_j = self.cost = 0.0
        self.util_t_s = self.util_cpu = self.util_gpu = np.zeros(0)
        self.learning: LearningFrame | None = None
        estimator = lane.simulation.estimator
        self._learning = LearningDigest(estimator) if isinstance(estimator, Learner) else None
        self._compared_at = 0

    def update(self) -> None:
        """Take in what the lane has finished since the last call."""
        simulation = self.lane.simulation
        until = len(simulation.ledger.finished)
        if until > self.seen:
            task, finish_s = self.timeline.take_finished()
            response_s = finish_s - simulation.columns.arrival_array[task]
            self.response_s[task] = response_s
            self.total_s += float(response_s.sum())
            self.timeline.add_finished(finish_s, response_s)
            self.seen = until

    def refresh(self, race: Race, oracle: _LaneDigest | None) -> None:
        """Recompute what is costly."""
        simulation, timeline = self.lane.simulation, self.timeline
        timeline.update_busy()
        self.on = timeline.count_kinds()
        until_s = _last_s(simulation, race.powered_until_s)
        held_slot_s = timeline.held_slot_s(until_s)
        self.energy_j = energy_j(held_slot_s, simulation.cluster, until_s - race.first_arrival_s)
        self.cost = cost(held_slot_s, simulation.cluster)
        until_s = race.clock_s if simulation.status == "running" else min(race.clock_s, simulation.now_s)
        self.util_t_s, (self.util_cpu, self.util_gpu) = timeline.utilisation(until_s)
        if self._learning is not None:
            self.learning = self._learning.frame(simulation.completions, over=simulation.status != "running")
        news = self.seen + (oracle.seen if oracle is not None else 0)
        enough = self._compared_at * _REFRESH_GROWTH if simulation.status == "running" else self._compared_at + 1
        if self.seen and news >= enough:
            self._compared_at = news
            self._compare(oracle, race.clock_s)

    def _compare(self, oracle: _LaneDigest | None, now_s: float) -> None:
        """Find the 95th percentile, and the mean difference to the oracle on the tasks that both have finished."""
        response_s = self.response_s
        self.p95_s = float(np.percentile(response_s[~np.isnan(response_s)], 95))
        self.regret_s = math.nan
        if oracle is not None:
            difference_s = response_s - oracle.response_s
            both = ~np.isnan(difference_s)
            self.regret_s = float(beyond_rounding(difference_s[both].mean(), now_s)) if both.any() else math.nan


class FrameMaker:
    """Turns the state of a race into :class:`Frame` objects; call it from the thread that runs the race."""

    def __init__(self, race: Race) -> None:
        self._race = race
        self._lanes = [_LaneDigest(lane, len(race.workload)) for lane in race.lanes]
        self._oracle = next((d for d in self._lanes if d.lane.label == ORACLE), None)
        self._strip_timeline: StripTimeline | None = None
        self._strip: DeviceStrip | None = None
        self._bound_response_s = math.nan
        self._lines_move = False
        self._speed_changes = speed_changes(race.cluster)

    def frame(self, selected: str | None, refresh: bool = True) -> Frame:
        """Return a snapshot; ``selected`` names the lane whose devices it shows (None: no strip).

        Without ``refresh`` only what moves fast is new: counts, mean responses and their curves. All else, which costs
        ten times as much, is that of the last frame with it.
        """
        race = self._race
        for digest in self._lanes:
            digest.update()
        if refresh:
            oracle = self._oracle if self._oracle and is_reference(self._oracle.lane) else None
            for digest in self._lanes:
                digest.refresh(race, oracle)
            self._strip = self._device_strip(selected)
            if race.done or (self._lines_move and len(race.workload) <= _SOON_BOUNDED):
                self._bound_response_s = race.bound.mean_response_s if race.bound else math.nan
        completions = sum(digest.seen for digest in self._lanes)
        self._lines_move = completions > 0
        return Frame(
            clock_s=race.clock_s,
            end_of_arrivals_s=race.end_of_arrivals_s,
            tasks=len(race.workload),
            arrived=max(lane.simulation.arrived for lane in race.lanes),
            lanes=tuple(_lane_frame(digest, self._bound_response_s) for digest in self._lanes),
            strip=self._strip,
            completions=completions,
            bound_response_s=self._bound_response_s,
            done=race.done,
            speed_changes=self._speed_changes,
        )

    def _device_strip(self, selected: str | None) -> DeviceStrip | None:
        lane = next((lane for lane in self._race.lanes if lane.label == selected), None)
        if lane is None:
            return None
        if self._strip_timeline is None or self._strip_timeline.label != lane.label:
            self._strip_timeline = StripTimeline(lane.label, lane.simulation)
        return self._strip_timeline.at(_last_s(lane.simulation, self._race.clock_s))


def _last_s(simulation: Simulation, at_s: float) -> float:
    """Return the second up to which a lane is drawn: what runs when it is disqualified ends there."""
    return min(at_s, simulation.now_s) if simulation.status == "disqualified" else at_s


def _lane_frame(digest: _LaneDigest, bound_response_s: float) -> LaneFrame:
    simulation = digest.lane.simulation
    mean_response_s = digest.total_s / digest.seen if digest.seen else math.nan
    above = gap(mean_response_s, bound_response_s) if simulation.status == "finished" else None
    curve_t_s, curve_response_s = digest.timeline.response_curve()
    on_cpu, on_gpu, on_both = digest.on
    return LaneFrame(
        scheduler=digest.lane.label,
        status=simulation.status,
        reason=simulation.reason or "",
        finished=digest.seen,
        backlog=simulation.arrived - digest.seen,
        mean_response_s=mean_response_s,
        p95_response_s=digest.p95_s,
        energy_j=digest.energy_j,
        cost=digest.cost,
        regret_s=digest.regret_s,
        gap=math.nan if above is None else above,
        curve_t_s=curve_t_s,
        curve_response_s=curve_response_s,
        util_t_s=digest.util_t_s,
        util_cpu=digest.util_cpu,
        util_gpu=digest.util_gpu,
        on_cpu=on_cpu,
        on_gpu=on_gpu,
        on_both=on_both,
        models=simulation.models,
        model_since_s=simulation.model_since_s,
        learning=digest.learning,
    )
