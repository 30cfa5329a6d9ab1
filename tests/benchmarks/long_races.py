"""Races of any length at load 0.9: `fcfs` on a pool of processors, `mct` on the default cluster.

Run as a program, ``python -m tests.benchmarks.long_races RACE TASKS`` prints how many bytes the simulation of one
policy holds at its end, and at most held, beyond the tasks themselves, which all policies of a race share; and how many
shares waited when most did, looked at every 1,000 events.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from dataclasses import dataclass

from engine.cluster import Cluster
from engine.metrics import finished_by
from engine.scheduler import Scheduler
from engine.shared import Shared
from engine.simulation import Simulation
from engine.workload import Workload
from plugins.clusters import load_cluster
from plugins.schedulers.fcfs import Fcfs
from plugins.schedulers.mct import Mct
from plugins.workload import WorkloadPlugin, WorkloadRequest
from plugins.workloads.queueing import Queueing
from plugins.workloads.synthetic import Synthetic

LOAD = 0.9
STEP = 1_000
"""Events after which the queues are looked at."""


@dataclass(frozen=True)
class LongRace:
    """One policy, and where its tasks come from."""

    scheduler: type[Scheduler]
    cluster: Cluster
    source: WorkloadPlugin

    def tasks(self, count: int) -> tuple[Workload, Shared]:
        """Return the tasks as a race prepares them."""
        tasks = self.source.load(WorkloadRequest(self.cluster, seed=1, tasks=count, load=LOAD))
        return tasks, Shared(tasks)

    def run(self, tasks: Workload, shared: Shared) -> Simulation:
        """Simulate, as far as the columns of results."""
        simulation = Simulation(tasks, self.cluster, self.scheduler(), shared=shared)
        simulation.advance()
        assert simulation.status == "finished", simulation.reason
        finished_by("", simulation)
        return simulation


RACES = {
    "fcfs": LongRace(Fcfs, load_cluster("processors:16"), Queueing()),
    "mct": LongRace(Mct, load_cluster("default"), Synthetic()),
}


def main() -> None:
    """Print the bytes of one race."""
    race, count = RACES[sys.argv[1]], int(sys.argv[2])
    tasks, shared = race.tasks(count)
    Simulation(tasks, race.cluster, race.scheduler(), shared=shared)  # makes what all policies share
    tracemalloc.start()
    simulation = Simulation(tasks, race.cluster, race.scheduler(), shared=shared)
    waiting = 0
    while simulation.advance(events=STEP):
        waiting = max(waiting, sum(device.queue_length for device in simulation.devices))
    held, most = tracemalloc.get_traced_memory()
    assert simulation.status == "finished", simulation.reason
    print(json.dumps({"held": held, "most": most, "waiting": waiting}))


if __name__ == "__main__":
    main()
