"""EASY backfilling on five jobs, worked by hand, beside backfilling that keeps no reservation.

The rule (Lifka, JSSPP 1995; Mu'alem & Feitelson, IEEE TPDS 12(6), 2001, section 2): a job may pass the first in the
queue if it ends by the second at which that one can start (the shadow time), or takes none but the processors that are
left over then (the extra nodes). Some simulators let whoever fits pass; AccaSim 1.1.3's ``EASYBackfilling`` does, and
`make bench` shows it. The first in the queue then has no promise at all.
"""

from __future__ import annotations

import numpy as np

from engine.metrics import finished_by
from engine.simulation import Simulation
from engine.workload import workload
from plugins.clusters import processors
from plugins.schedulers.easy import Easy

PROCESSORS = 5
JOBS = {  # job: arrival, run time, processors; times are known
    "A": (100, 10, 3),
    "B": (101, 10, 4),
    "C": (102, 20, 2),
    "D": (103, 20, 1),
    "E": (104, 6, 1),
}

# A runs on 3 of 5 from 100 to 110. B wants 4 and waits. Its shadow time is 110: all 5 are free then, 1 is extra.
# - C fits (2 are free), but would end at 122, after the shadow time, and takes 2, more than the extra 1: it waits.
# - D fits and would end at 123, but 1 is extra: it starts at 103. None is extra any more.
# - E fits and ends at 110, by the shadow time: it starts at 104.
# - B starts at 110, as promised, on the 3 + 1 that A and E leave. It ends at 120, and C starts: D keeps 1, 4 are free.
EASY_S = {"A": 100, "B": 110, "C": 120, "D": 103, "E": 104}

# Without the reservation C takes the last 2 processors at 102. At 110 A leaves 3, too few for B, so D and E pass it
# too; E ends at 116. B gets its 4 when C ends, at 122: 12 s after the promise.
WITHOUT_RESERVATION_S = {"A": 100, "B": 122, "C": 102, "D": 110, "E": 110}


def test_easy_starts_the_blocked_job_at_its_shadow_time_and_lets_pass_who_does_not_hold_it_up() -> None:
    arrival_s, run_s, slots = zip(*JOBS.values(), strict=True)
    tasks = workload("five jobs", ("cpu",), arrival_s, np.array(run_s)[:, None], slots=slots)
    simulation = Simulation(tasks, processors(PROCESSORS), Easy())
    simulation.advance()
    done = finished_by("", simulation)
    starts = sorted(zip(done.task.tolist(), done.start_s.tolist(), strict=True))
    assert dict(zip(JOBS, (start_s for _, start_s in starts), strict=True)) == EASY_S
