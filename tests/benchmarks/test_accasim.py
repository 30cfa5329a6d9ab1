"""The same rigid jobs through SchedRace and AccaSim, side by side.

Both count the simulation alone: theirs without the reading of the log, in which it makes its jobs, ours without the
tasks and columns of times that all policies of a race share.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from engine.metrics import finished_by
from engine.scheduler import Scheduler
from engine.shared import Shared
from engine.simulation import Simulation
from engine.workload import FloatArray, Workload
from plugins.clusters import processors
from plugins.schedulers.easy import Easy
from plugins.schedulers.fcfs import Fcfs
from plugins.workload import WorkloadRequest
from plugins.workloads.swf import Swf
from tests.benchmarks.first_fit import first_fit_starts
from tests.benchmarks.peer_environment import peer
from tests.benchmarks.timing import median_rounds, seconds_of
from tests.published.test_easy_by_hand import JOBS, PROCESSORS, WITHOUT_RESERVATION_S

pytestmark = pytest.mark.benchmark

TRACE = Path(__file__).parents[2] / "../shared/traces/swf/lublin_256.swf"
NODES, CORES = 16, 16

# EASY's target is 25: medians on two cores with other work beside it are 24.7 to 25.3. The limit guards what is left of
# it on a busier machine. More than half of our time is the rule, called 2.8 times a job: each arrival and each end asks
# it while jobs wait, and a call that started one is followed by another. AccaSim's variant keeps no reservation.
LEAST_TIMES_EASY = 19


@pytest.fixture(scope="module")
def lublin() -> Workload:
    """The first 5,000 jobs."""
    if not TRACE.exists():
        pytest.skip(f"{TRACE.name} is not there (../shared is handed over beside the repository)")
    return Swf().load(WorkloadRequest(processors(NODES * CORES), seed=0, tasks=5000, path=TRACE))


@dataclass
class Contest:
    """One rule on the same jobs in both simulators; each call is a round."""

    jobs: Workload
    ours: type[Scheduler]
    theirs: str
    start_s: FloatArray = field(init=False)
    their_start_s: FloatArray = field(init=False)
    shared: Shared = field(init=False)
    simulation: Simulation = field(init=False)

    def __post_init__(self) -> None:
        self.shared = Shared(self.jobs)
        self.simulate()  # makes what is made when first asked for

    def simulate(self) -> None:
        self.simulation = Simulation(self.jobs, processors(NODES * CORES), self.ours(), shared=self.shared)
        self.simulation.advance()

    def accasim(self) -> float:
        asked = np.column_stack([self.jobs.arrival_s, self.jobs.actual_s[:, 0], self.jobs.slots]).astype(int)
        answer = peer(
            "accasim_jobs.py", {"policy": self.theirs, "nodes": NODES, "cores": CORES, "jobs": asked.tolist()}
        )
        self.their_start_s = np.array(answer["start_s"], dtype=float)
        return float(answer["seconds"])

    def five_times(self) -> float:
        """Return the mean seconds of five of our simulations: one is over in a tenth of a second, theirs in seconds."""
        return statistics.fmean(seconds_of(self.simulate) for _ in range(5))

    def run(self, rounds: int = 5) -> float:
        """Return how many times as many jobs a second as AccaSim: the median of the rounds."""
        mine, theirs, ratio = median_rounds(self.five_times, self.accasim, rounds)
        count = len(self.jobs)
        done = finished_by("", self.simulation)
        self.start_s = np.empty(count)
        self.start_s[done.task] = done.start_s
        same = int((self.start_s == self.their_start_s).sum())
        print(
            f"\n{self.theirs}, {count} jobs: {count / mine:.0f} jobs/s, AccaSim {count / theirs:.0f}: x{ratio:.0f}; "
            f"{same} start times identical"
        )
        return ratio


def test_fifo_starts_every_job_when_accasim_does_and_is_200_times_as_fast(lublin: Workload) -> None:
    contest = Contest(lublin, Fcfs, "FIFO")
    ratio = contest.run(rounds=3)  # AccaSim takes 20 s for one
    assert contest.start_s.tolist() == contest.their_start_s.tolist()
    assert ratio >= 200


def test_easy_is_many_times_as_fast_as_accasim_whose_variant_keeps_no_reservation(lublin: Workload) -> None:
    contest = Contest(lublin, Easy, "EASY")
    ratio = contest.run()
    jobs = zip(lublin.arrival_s.tolist(), lublin.actual_s[:, 0].tolist(), lublin.slots.tolist(), strict=True)
    assert contest.their_start_s.tolist() == first_fit_starts(list(jobs), NODES * CORES)
    assert ratio >= LEAST_TIMES_EASY


def test_accasim_lets_backfilled_jobs_hold_up_the_head_in_the_example_worked_by_hand() -> None:
    jobs = [[arrival_s, run_s, slots] for arrival_s, run_s, slots in JOBS.values()]
    answer = peer("accasim_jobs.py", {"policy": "EASY", "nodes": 1, "cores": PROCESSORS, "jobs": jobs})
    assert dict(zip(JOBS, answer["start_s"], strict=True)) == WITHOUT_RESERVATION_S
