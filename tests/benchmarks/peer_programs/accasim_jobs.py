"""Jobs through AccaSim 1.1.3, run by the peers' Python: JSON on stdin, JSON on stdout.

In: ``policy`` (FIFO or EASY), ``nodes``, ``cores`` of each, and ``jobs`` as [submit s, run s, processors] in submit
order. A job states its true run time, as SchedRace's reader says of a log without requested times. Out: ``seconds`` of
the simulation loop, without the reading of the log that AccaSim does as it goes, and ``start_s`` of each job. All of
AccaSim's output files are off.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
import tempfile
import time
from pathlib import Path

collections.Mapping = collections.abc.Mapping  # AccaSim imports it from where Python 3.9 and older had it

from accasim.base.allocator_class import FirstFit  # noqa: E402
from accasim.base.event_class import Event  # noqa: E402
from accasim.base.scheduler_class import EASYBackfilling, FirstInFirstOut  # noqa: E402
from accasim.base.simulator_class import Simulator  # noqa: E402
from accasim.utils.reader_class import Reader  # noqa: E402

POLICIES = {"FIFO": FirstInFirstOut, "EASY": EASYBackfilling}


def kept(reader: Reader) -> tuple[list[Event], list[float]]:
    """Return two lists that fill as the reader reads: the jobs, which AccaSim forgets once they end, and seconds."""
    jobs: list[Event] = []
    seconds: list[float] = []
    read = reader.next

    def noting(*args, **kwargs):
        began = time.perf_counter()
        answer = read(*args, **kwargs)
        seconds.append(time.perf_counter() - began)
        jobs.extend(job for arriving in answer[1].values() for job in arriving)
        return answer

    reader.next = noting
    return jobs, seconds


def swf(jobs: list[list[int]]) -> str:
    """Return the jobs as lines of 18 fields; -1 is unknown."""
    return "".join(
        f"{number} {submit} -1 {run} {processors} -1 -1 {processors} {run} -1 1 1 1 1 1 1 -1 -1\n"
        for number, (submit, run, processors) in enumerate(jobs)
    )


def main() -> None:
    """Run the one simulation that stdin asks for."""
    asked = json.load(sys.stdin)
    machine = {
        "groups": {"node": {"core": asked["cores"]}},
        "resources": {"node": asked["nodes"]},
        "equivalence": {"processor": {"core": 1}},
    }
    with tempfile.TemporaryDirectory() as folder:
        log, config = Path(folder, "jobs.swf"), Path(folder, "machine.json")
        log.write_text(swf(asked["jobs"]))
        config.write_text(json.dumps(machine))
        simulator = Simulator(
            str(log),
            str(config),
            POLICIES[asked["policy"]](FirstFit()),
            scheduling_output=False,
            statistics_output=False,
            show_statistics=False,
            RESULTS_FOLDER_PATH=folder,
            LOG_LEVEL="ERROR",
        )
        jobs, reading = kept(simulator.reader)
        simulator.start_simulation()
    seconds = simulator.end_simulation_time - simulator.start_simulation_time - sum(reading)
    start_s = {int(job.id): job.start_time for job in jobs}
    print(json.dumps({"seconds": seconds, "start_s": [start_s[number] for number in range(len(asked["jobs"]))]}))


if __name__ == "__main__":
    main()
