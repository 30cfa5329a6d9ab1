"""Several schedulers on the same tasks and one simulated clock."""

from __future__ import annotations

import hashlib
import logging
import math
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.bounds import Bounds, lower_bounds
from engine.cluster import Cluster
from engine.errors import raised_at
from engine.estimating import EstimatorFactory
from engine.metrics import final_series, finished_by, summarise
from engine.records import FinishedTasks, MetricSeries
from engine.results import RaceResult
from engine.scheduler import Scheduler
from engine.shared import Shared
from engine.simulation import Simulation
from engine.timeline import lane_series
from engine.training import TrainingSamples
from engine.watchdog import Interruption, Watchdog
from engine.weights import Weights
from engine.workload import Workload

_log = logging.getLogger(__name__)

ORACLE = "oracle"
"""The lane that regret is measured against."""


@dataclass(frozen=True, slots=True, eq=False)
class LaneSpec:
    """One scheduler ready to race: its name in results, the policy instance and who answers for seconds."""

    label: str
    scheduler: Scheduler
    estimator: str | EstimatorFactory = "nominal"
    seed: int = 0


class Lane:
    """One simulation of a race, with what has already been handed out of it."""

    __slots__ = ("label", "seconds", "simulation", "taken")

    def __init__(self, label: str, simulation: Simulation) -> None:
        self.label = label
        self.simulation = simulation
        self.taken = 0
        self.seconds = 0.0  # wall time inside this lane's events, for --timing; never reaches the model


def is_reference(lane: Lane) -> bool:
    """Return whether regret is measured against this lane: the oracle, unless it was disqualified."""
    return lane.label == ORACLE and lane.simulation.status != "disqualified"


class Race:
    """Advances its lanes together in slices of simulated time; they share nothing but the workload.

    ``clock_s`` is the second up to which every lane has run. How the work is cut into calls changes no result.

    Strangers' code is watched by whoever opens a watchdog around the calls (``with Watchdog(...) as race.watchdog``):
    a scheduler that does not answer in time is disqualified and the race no longer ``reproducible``; one that does not
    answer after a cancel is stopped.
    """

    def __init__(
        self,
        workload: Workload,
        cluster: Cluster,
        lanes: Sequence[LaneSpec],
        weights: Weights | None = None,
    ) -> None:
        shared = Shared(workload)
        self.workload = workload
        self.cluster = cluster
        self.lanes = [
            Lane(
                spec.label,
                Simulation(
                    workload,
                    cluster,
                    spec.scheduler,
                    spec.estimator,
                    weights=weights,
                    shared=shared,
                    seed=spec.seed,
                ),
            )
            for spec in lanes
        ]
        self.first_arrival_s = float(workload.arrival_s.min())
        self.end_of_arrivals_s = float(workload.arrival_s.max())
        self.clock_s = self.first_arrival_s
        self.reproducible = True
        self.watchdog = Watchdog()
        self._slice_s = max((self.end_of_arrivals_s - self.first_arrival_s) / len(workload), 1e-9) * 16

    @property
    def done(self) -> bool:
        """Whether every lane has ended."""
        return all(lane.simulation.status != "running" for lane in self.lanes)

    @property
    def completions(self) -> int:
        """Tasks that have finished, of all lanes together."""
        return sum(lane.simulation.completions for lane in self.lanes)

    @property
    def powered_until_s(self) -> float:
        """Second up to which idle power counts: the clock, in the end the last finish of a lane in good standing."""
        return self._ended_s() if self.done else self.clock_s

    @property
    def next_s(self) -> float:
        """Second of the next event in any lane; inf when all have ended."""
        return min(lane.simulation.next_s for lane in self.lanes)

    @cached_property
    def bound(self) -> Bounds | None:
        """What no schedule can beat; computed when first asked for, some 5 us a task."""
        return lower_bounds(self.workload, self.cluster)

    def advance(self, until_s: float = math.inf, events: int = 1000) -> bool:
        """Run about ``events`` events of all lanes together, none later than ``until_s``.

        Returns True while something is left to do before ``until_s``.
        """
        share = max(1, events // len(self.lanes))
        while events > 0:
            next_s = self.next_s
            if next_s == math.inf:
                return False
            if next_s > until_s:
                self.clock_s = max(self.clock_s, until_s)
                return False
            target = min(until_s, max(self.clock_s, next_s) + self._slice_s)
            done = sum(self._advance_lane(lane, target, share) for lane in self.lanes)
            self._set_clock(min(self.next_s, target))
            if self.next_s > target:
                self._adapt_slice(done)
            events -= done
        return self.next_s <= until_s and not self.done

    def step(self) -> None:
        """Run the next instant at which anything happens, in every lane."""
        next_s = self.next_s
        if next_s < math.inf:
            for lane in self.lanes:
                self._advance_lane(lane, next_s, math.inf)
            self._set_clock(next_s)

    def stop(self) -> None:
        """End the lanes that still run; what they have finished stays."""
        for lane in self.lanes:
            lane.simulation.stop()

    def remaining_s(self) -> float:
        """Return how many simulated seconds the slowest running lane is believed to need for what it has placed."""
        running = [lane.simulation for lane in self.lanes if lane.simulation.status == "running"]
        drained_s = (d.available_at(self.clock_s, d.spec.slots) for s in running for d in s.devices)
        return max(drained_s, default=self.clock_s) - self.clock_s

    def take_finished(self) -> list[FinishedTasks]:
        """Return the tasks that each lane has finished since the last call; lanes without news are left out."""
        batches = []
        for lane in self.lanes:
            ledger = lane.simulation.ledger
            if len(ledger.finished) > lane.taken:
                until = len(ledger.finished)
                batches.append(
                    ledger.finished_tasks(lane.label, lane.taken, until, lane.simulation.columns, self.cluster)
                )
                lane.taken = until
        return batches

    def take_samples(self) -> list[tuple[str, TrainingSamples]]:
        """Return the training samples of each learning lane since the last call."""
        batches = []
        for lane in self.lanes:
            samples = lane.simulation.samples.take_new() if lane.simulation.samples else None
            if samples is not None:
                batches.append((lane.label, samples))
        return batches

    def metric_series(self, result: RaceResult) -> list[MetricSeries]:
        """Return mean response and utilisation of each lane over simulated time, and what the summaries leave out."""
        over_time = [series for lane in self.lanes for series in lane_series(lane.label, lane.simulation)]
        return over_time + [series for row in result.rows for series in final_series(row, self.powered_until_s)]

    def result(self) -> RaceResult:
        """Return the figures of all lanes; idle power counts up to the last finish of any lane in good standing."""
        end_s = self._ended_s()
        reference = next((lane for lane in self.lanes if is_reference(lane)), None)
        oracle = finished_by(ORACLE, reference.simulation) if reference else None
        rows = tuple(
            summarise(lane.label, lane.simulation, self.first_arrival_s, end_s, oracle, self.bound)
            for lane in self.lanes
        )
        digest = hashlib.blake2b(digest_size=16)
        for row in rows:
            digest.update(f"{row.name} {row.digest}\n".encode())
        return RaceResult(digest.hexdigest(), len(self.workload), rows, self.reproducible, self.bound)

    def close(self) -> None:
        """End the background work of all estimators; one that fails to is logged and does not hold up the others."""
        for lane in self.lanes:
            try:
                lane.simulation.close()
            except Exception:
                _log.exception("The estimator of '%s' did not close.", lane.label)

    def _advance_lane(self, lane: Lane, until_s: float, events: float) -> int:
        simulation, began = lane.simulation, time.perf_counter()
        done = self.watchdog.watch(lambda: simulation.advance(until_s, events), lambda: simulation.progress)
        lane.seconds += time.perf_counter() - began
        if isinstance(done, Interruption):
            self._end_interrupted(simulation, done)
            return 0
        return done

    def _end_interrupted(self, simulation: Simulation, interruption: Interruption) -> None:
        if interruption.cause == "cancelled":
            simulation.stop()
            return
        self.reproducible = False
        error, at, trace = interruption.error, "", simulation.traceback
        if error is not None:
            at, trace = raised_at(error, simulation.strangers), "".join(traceback.format_exception(error))
        limit_s = self.watchdog.limit_s
        simulation.disqualify(f"too slow: it never answered within {limit_s:g} s of real time{at}", trace)

    def _set_clock(self, to_s: float) -> None:
        self.clock_s = max(self.clock_s, self._ended_s() if self.done else to_s)

    def _adapt_slice(self, done: int) -> None:
        """Keep a slice near five hundred events a lane: fewer fill the processor's caches anew all the time (a hundred
        cost a race of six policies 7 %), more make the clock jump."""
        if done < 256 * len(self.lanes):
            self._slice_s *= 2
        elif done > 1024 * len(self.lanes):
            self._slice_s /= 2

    def _ended_s(self) -> float:
        ends = [lane.simulation.now_s for lane in self.lanes if lane.simulation.status != "disqualified"]
        return max(ends, default=self.clock_s)
