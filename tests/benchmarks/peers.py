"""What SchedRace is measured against: an M/M/8 queue in bare heapq and in SimPy, on the same jobs."""

from __future__ import annotations

import heapq
from collections import deque

import numpy as np
import simpy


def mm8_jobs(jobs: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return arrivals and service seconds of an M/M/8 queue at load 0.8."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.exponential(1 / 6.4, jobs)), rng.exponential(1.0, jobs)


def heapq_mean_response(arrivals: list[float], services: list[float], servers: int = 8) -> float:
    """Run the queue as an event loop on one heap of arrivals and departures; return the mean response."""
    events = [(arrivals[0], 0, 0)]  # second, 0 arrival or 1 departure, job
    waiting: deque[int] = deque()
    free, total = servers, 0.0
    while events:
        now, kind, job = heapq.heappop(events)
        if kind == 0:
            waiting.append(job)
            if job + 1 < len(arrivals):
                heapq.heappush(events, (arrivals[job + 1], 0, job + 1))
        else:
            free += 1
            total += now - arrivals[job]
        while free and waiting:
            start = waiting.popleft()
            free -= 1
            heapq.heappush(events, (now + services[start], 1, start))
    return total / len(arrivals)


def simpy_mean_response(arrivals: list[float], services: list[float], servers: int = 8) -> float:
    """Run the queue with SimPy's Resource; return the mean response."""
    env = simpy.Environment()
    pool = simpy.Resource(env, servers)
    total = 0.0

    def job(arrival: float, service: float):
        nonlocal total
        with pool.request() as request:
            yield request
            yield env.timeout(service)
        total += env.now - arrival

    def source():
        last = 0.0
        for arrival, service in zip(arrivals, services, strict=True):
            yield env.timeout(arrival - last)
            last = arrival
            env.process(job(arrival, service))

    env.process(source())
    env.run()
    return total / len(arrivals)
