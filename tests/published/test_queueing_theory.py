"""Queues whose mean waiting time has a closed form: the engine must agree within its own 99 % interval.

M/M/c: Erlang's C formula; M/D/1: Pollaczek-Khinchine (both in Kleinrock, Queueing Systems I, 1975). The interval is
Student's, over independent replications with fixed seeds, each without its first fifth (the queue starts empty).
"""

from __future__ import annotations

import math
from heapq import heappop, heappush

import numpy as np
import pytest
from scipy.stats import t as student

from engine.cluster import Cluster, Device
from engine.metrics import finished_by
from engine.records import FinishedTasks
from engine.simulation import Simulation
from engine.workload import workload
from plugins.schedulers.round_robin import RoundRobin

REPLICATIONS = 12


def erlang_c(servers: int, offered: float) -> float:
    """Return the probability of waiting in M/M/c with ``offered`` = arrival rate / service rate."""
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (sum(offered**k / math.factorial(k) for k in range(servers)) + last)


def replicate(servers: int, rate: float, tasks: int, exponential: bool) -> list[FinishedTasks]:
    """Return independent runs of one device with that many slots, mean service 1 s, first come first served."""
    cluster = Cluster("queue", (Device(0, "cpu-0", "cpu", "cpu", slots=servers),))
    runs = []
    for seed in range(REPLICATIONS):
        rng = np.random.default_rng([1, servers, seed])
        arrival_s = np.cumsum(rng.exponential(1 / rate, tasks))
        service_s = rng.exponential(1.0, (tasks, 1)) if exponential else np.ones((tasks, 1))
        simulation = Simulation(workload("queue", ("cpu",), arrival_s, service_s), cluster, RoundRobin())
        simulation.advance()
        assert simulation.status == "finished"
        runs.append(finished_by("fcfs", simulation))
    return runs


def steady(run: FinishedTasks) -> np.ndarray:
    return run.task >= len(run) // 5


def interval(values: list[float]) -> tuple[float, float]:
    """Return the 99 % interval of the mean of independent replications."""
    half = student.ppf(0.995, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return float(np.mean(values) - half), float(np.mean(values) + half)


@pytest.mark.parametrize(
    ("servers", "rate", "wait_s"),
    [(1, 0.7, 2.3333), (4, 3.6, 1.969383), (16, 14.0, 0.254241)],
    ids=["M/M/1", "M/M/4", "M/M/16"],
)
def test_the_mean_wait_of_an_m_m_c_queue_is_erlangs(servers: int, rate: float, wait_s: float) -> None:
    formula = erlang_c(servers, rate) / (servers - rate)
    assert formula == pytest.approx(wait_s, rel=2e-5)  # the table and the formula agree
    waits = [(run.start_s - run.arrival_s)[steady(run)] for run in replicate(servers, rate, 6000, exponential=True)]
    low, high = interval([float(wait.mean()) for wait in waits])
    assert low < formula < high
    assert high - low < 0.7 * formula  # an interval that says something
    low, high = interval([float((wait > 0).mean()) for wait in waits])
    assert low < erlang_c(servers, rate) < high


def test_the_mean_wait_of_an_m_d_1_queue_is_half_of_that_of_m_m_1() -> None:
    runs = replicate(1, 0.7, 6000, exponential=False)
    low, high = interval([float((run.start_s - run.arrival_s)[steady(run)].mean()) for run in runs])
    assert low < 0.7 / (2 * (1 - 0.7)) < high
    assert high - low < 0.3


def test_every_wait_is_that_of_the_kiefer_wolfowitz_recursion() -> None:
    """Kiefer & Wolfowitz 1955: a first-come task starts when the first of the c servers is free."""
    (run, *_) = replicate(4, 3.6, 2000, exponential=True)
    order = np.argsort(run.task)
    service_s = np.random.default_rng([1, 4, 0])
    service_s.exponential(1.0, 2000)  # the arrivals were drawn first
    free_s = [0.0] * 4
    for arrival_s, start_s, needed_s in zip(
        run.arrival_s[order], run.start_s[order], service_s.exponential(1.0, 2000), strict=True
    ):
        expected_s = max(heappop(free_s), arrival_s)
        assert start_s == expected_s
        heappush(free_s, expected_s + needed_s)


def test_littles_law_holds_exactly_on_a_whole_run() -> None:
    run = replicate(4, 3.6, 2000, exponential=True)[0]
    events = sorted([(t, 1) for t in run.arrival_s] + [(t, -1) for t in run.finish_s])
    inside, area, last_s = 0, 0.0, events[0][0]
    for at_s, change in events:
        area += inside * (at_s - last_s)
        inside, last_s = inside + change, at_s
    assert area == pytest.approx(float((run.finish_s - run.arrival_s).sum()), rel=1e-9)
