"""What AccaSim 1.1.3 calls EASY backfilling, in twenty lines that owe nothing to SchedRace's engine.

Its scheduler works out a reservation for the job that blocks, but hands an empty list of reserved nodes to the
allocator (``EASYBackfilling.scheduling_method``, ``reserved_nodes=[]``), so that nobody is kept from passing.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush


def first_fit_starts(jobs: list[tuple[float, float, int]], processors: int) -> list[float]:
    """Return the start of each (arrival s, run s, processors) job, given in arrival order, where at every arrival and
    every end, after all ends of that second, whoever fits starts, first come first."""
    start_s = [0.0] * len(jobs)
    seconds = [arrival_s for arrival_s, _, _ in jobs]
    heapify(seconds)
    running: list[tuple[float, int]] = []  # end, processors
    waiting: list[int] = []
    arrived, free = 0, processors
    while seconds:
        now_s = heappop(seconds)
        while running and running[0][0] == now_s:
            free += heappop(running)[1]
        while arrived < len(jobs) and jobs[arrived][0] == now_s:
            waiting.append(arrived)
            arrived += 1
        left = []
        for job in waiting:
            _, run_s, wanted = jobs[job]
            if wanted > free:
                left.append(job)
                continue
            free -= wanted
            start_s[job] = now_s
            heappush(running, (now_s + run_s, wanted))
            heappush(seconds, now_s + run_s)
        waiting = left
    return start_s
