"""Makes the snapshots of a running race."""

from __future__ import annotations

import math

import numpy as np

from engine.frame import DeviceStrip, Frame, LaneFrame
from engine.metrics import cost, energy_j
from engine.race import ORACLE, Lane, Race
from engine.strip import StripTimeline
from engine.timeline import LaneTimeline

_REFRESH_GROWTH = 1.02
"""Percentiles and regret are recomputed when 2 % more tasks have finished: their cost stays a small, fixed share."""


class _LaneDigest:
    """The growing figures of one lane: responses by task, and those that are costly to recompute."""

    def __init__(self, lane: Lane, tasks: int) -> None:
        self.lane = lane
        self.timeline = LaneTimeline(lane.simulation)
        self.response_s = np.full(tasks, np.nan)
        self.seen = 0
        self.total_s = 0.0
        self.on = [0, 0, 0]  # CPU only, GPU only, both
        self.p95_s = math.nan
        self.p95_at = 0
        self.regret_s = math.nan
        self.regret_at = 0

    def update(self) -> None:
        """Take in what the lane has finished since the last call."""
        simulation = self.lane.simulation
        until = len(simulation.ledger.finished)
        if until == self.seen:
            return
        new = simulation.ledger.finished_tasks(
            self.lane.label, self.seen, until, simulation.columns, simulation.cluster
        )
        self.seen = until
        response_s = new.finish_s - new.arrival_s
        self.response_s[new.task] = response_s
        self.total_s += float(response_s.sum())
        cpu, gpu = int((new.gpu_fraction == 0).sum()), int((new.gpu_fraction == 1).sum())
        for place, count in enumerate((cpu, gpu, len(new) - cpu - gpu)):
            self.on[place] += count
        self.timeline.add_finished(new.finish_s, response_s)
        self.timeline.update_busy()
        if self.seen >= self.p95_at * _REFRESH_GROWTH or self.lane.simulation.status != "running":
            self.p95_s = float(np.nanpercentile(self.response_s, 95))
            self.p95_at = self.seen

    def update_regret(self, oracle: _LaneDigest | None) -> None:
        """Compare with the oracle on the tasks that both have finished."""
        if oracle is None:
            return
        progress = min(self.seen, oracle.seen)
        if progress >= self.regret_at * _REFRESH_GROWTH or self.lane.simulation.status != "running":
            difference = self.response_s - oracle.response_s
            both = ~np.isnan(difference)
            self.regret_s = float(difference[both].mean()) if both.any() else math.nan
            self.regret_at = progress


class FrameMaker:
    """Turns the state of a race into :class:`Frame` objects; call it from the thread that runs the race."""

    def __init__(self, race: Race) -> None:
        self._race = race
        self._lanes = [_LaneDigest(lane, len(race.workload)) for lane in race.lanes]
        self._oracle = next((d for d in self._lanes if d.lane.label == ORACLE), None)
        self._strip: StripTimeline | None = None

    def frame(self, selected: str | None) -> Frame:
        """Return a snapshot; ``selected`` names the lane whose devices it shows (None: no strip)."""
        race = self._race
        for digest in self._lanes:
            digest.update()
        for digest in self._lanes:
            digest.update_regret(self._oracle)
        return Frame(
            clock_s=race.clock_s,
            end_of_arrivals_s=race.end_of_arrivals_s,
            tasks=len(race.workload),
            arrived=max(lane.simulation.arrived for lane in race.lanes),
            lanes=tuple(self._lane_frame(digest) for digest in self._lanes),
            strip=self._device_strip(selected),
            completions=sum(digest.seen for digest in self._lanes),
            done=race.done,
        )

    def _lane_frame(self, digest: _LaneDigest) -> LaneFrame:
        simulation = digest.lane.simulation
        clock_s = self._race.clock_s
        until_s = clock_s if simulation.status == "running" else min(clock_s, simulation.now_s)
        curve_t_s, curve_response_s = digest.timeline.response_curve()
        util_t_s, util = digest.timeline.utilisation(until_s)
        end_s = self._race.powered_until_s
        held = digest.timeline.held_slot_s(end_s)
        return LaneFrame(
            scheduler=digest.lane.label,
            status=simulation.status,
            reason=simulation.reason or "",
            finished=digest.seen,
            backlog=simulation.arrived - digest.seen,
            mean_response_s=digest.total_s / digest.seen if digest.seen else math.nan,
            p95_response_s=digest.p95_s,
            energy_j=energy_j(held, simulation.cluster, end_s - self._race.first_arrival_s),
            cost=cost(held, simulation.cluster),
            regret_s=digest.regret_s,
            curve_t_s=curve_t_s,
            curve_response_s=curve_response_s,
            util_t_s=util_t_s,
            util_cpu=util[0],
            util_gpu=util[1],
            on_cpu=digest.on[0],
            on_gpu=digest.on[1],
            on_both=digest.on[2],
            models=simulation.models,
            model_since_s=simulation.model_since_s,
        )

    def _device_strip(self, selected: str | None) -> DeviceStrip | None:
        lane = next((lane for lane in self._race.lanes if lane.label == selected), None)
        if lane is None:
            return None
        if self._strip is None or self._strip.label != lane.label:
            self._strip = StripTimeline(lane.label, lane.simulation)
        return self._strip.at(self._race.clock_s)
