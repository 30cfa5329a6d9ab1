"""Generated jobs of a parallel machine after the model of Lublin & Feitelson (JPDC 63(11), 2003).

How many processors jobs take, how long they run (wider ones longer), and when they come (a daily cycle). All figures
are those of the authors' program lublin99.c for jobs without distinction of batch and interactive.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.cluster import Cluster
from engine.errors import InputError
from engine.params import parameter
from engine.workload import FloatArray, IntArray, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import WorkloadPlugin, WorkloadRequest
from plugins.workloads.invented import invented_gpu_s, lacks_gpu_times
from plugins.workloads.trace import Account

DEFAULT_TASKS = 2000
# log2 of the processors of parallel jobs: uniform from low to medium with a probability, else from medium to high
_SERIAL, _POWER_OF_2, _LOW, _LOWER_HALF, _MEDIUM_BELOW_HIGH = 0.244, 0.576, 0.8, 0.86, 2.5
# ln of the run time: gamma (shape, scale) of short jobs with probability pa x processors + pb, else of long ones
_SHORT, _LONG, _PA, _PB, _LONGEST = (4.2, 0.94), (312.0, 0.03), -0.0054, 0.78, 12.0
# ln of the time between two arrivals: gamma; and how arrivals are spread over the half hours of a day: gamma
_GAP, _CYCLE, _LONGEST_GAP = (10.2303 * 1.0225, 0.4871), (8.1737, 3.9631), 13.0
_HALF_HOURS, _HALF_HOUR_S, _DAY_BEGINS = 48, 1800.0, 11


@dataclass(frozen=True)
class LublinParams:
    """What can be varied."""

    processors: int = parameter(
        0,
        "Processors of the machine that the jobs are for; 0: those of the cluster's largest device",
        low=0,
        high=10_000_000,
    )


class Lublin(WorkloadPlugin):
    """The field's standard generator of rigid jobs."""

    name = "lublin"
    summary = "Generated rigid jobs of a parallel machine, by day and by night (Lublin & Feitelson)."
    explanation = (
        "A quarter of the jobs are serial, most others take a power of 2 of processors; run times from seconds to two "
        "days, longer for wide jobs; most jobs come in the afternoon. Schedulers know the true times. Without a load, "
        "arrivals are those of the model."
    )
    Params = LublinParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Draw the jobs; the same seed gives the same jobs at every load."""
        count = request.tasks or DEFAULT_TASKS
        sizes_rng, runs_rng, arrivals_rng = (np.random.default_rng([request.seed, stream]) for stream in (10, 11, 12))
        size = self._machine(request.cluster)
        slots = job_sizes(sizes_rng, count, size)
        seconds = run_seconds(runs_rng, slots)[:, None]
        models: tuple[str, ...] = ("cpu",)
        account = Account(Path(self.name), "jobs")
        if lacks_gpu_times(request.cluster, models):
            models = ("cpu", "gpu")
            seconds = np.column_stack([seconds, invented_gpu_s(seconds[:, 0], request.seed, account)])
        tasks = workload(
            self.name,
            models,
            arrivals_s(arrivals_rng, count),
            seconds,
            slots=slots,
            features=np.log(slots)[:, None],
            feature_names=("log_processors",),
            notes=account.notes()[1:],  # without the count of what was read: nothing was
        )
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    def _machine(self, cluster: Cluster) -> int:
        most = max(device.slots for device in cluster.devices)
        size: int = self.params.processors or most
        if size > most:
            raise InputError(
                f"The workload 'lublin' shall make jobs for {size} processors, and no device of cluster "
                f"'{cluster.name}' has more than {most}. Choose processors:{size}, or fewer processors."
            )
        return size


def job_sizes(rng: np.random.Generator, count: int, machine: int) -> IntArray:
    """Return the processors of each job: 1, or 2 to a power drawn from a two-stage uniform distribution, which is
    rounded for most; none above the machine's."""
    high = max(np.log2(machine), _LOW)
    medium = max(high - _MEDIUM_BELOW_HIGH, _LOW)
    kind = rng.random(count)
    lower = rng.random(count) < _LOWER_HALF
    power = rng.uniform(np.where(lower, _LOW, medium), np.where(lower, medium, high))
    power = np.where(kind <= _SERIAL + _POWER_OF_2, np.floor(power + 0.5), power)
    sizes = np.floor(2.0**power + 0.5).astype(np.int64)
    return np.where(kind <= _SERIAL, 1, np.minimum(sizes, machine))


def run_seconds(rng: np.random.Generator, slots: IntArray) -> FloatArray:
    """Return the run time of each job: exp of a hyper-gamma variate, drawn again above two days."""
    short = (_PA * slots + _PB).clip(0.0, 1.0)
    log_s = np.full(len(slots), np.inf)
    while (again := np.flatnonzero(log_s > _LONGEST)).size:
        is_short = rng.random(len(again)) <= short[again]
        shape, scale = np.where(is_short[:, None], _SHORT, _LONG).T
        log_s[again] = rng.gamma(shape, scale)
    seconds: FloatArray = np.floor(np.exp(log_s)).clip(1.0)  # whole seconds, as the authors' program prints them
    return seconds


def arrivals_s(rng: np.random.Generator, count: int) -> FloatArray:
    """Return the arrivals, from midnight on: gaps drawn for the rush hours, stretched where the day is quiet.
    The first arrives after a gap, as all do."""
    log_gap = np.full(count, np.inf)
    while (again := np.flatnonzero(log_gap > _LONGEST_GAP)).size:
        log_gap[again] = rng.gamma(*_GAP, len(again))
    paid_s = np.cumsum(np.exp(log_gap))  # in seconds of an average half hour
    day_s = _HALF_HOURS * _HALF_HOUR_S
    until = np.concatenate([[0.0], np.cumsum(half_hour_weights())]) * _HALF_HOUR_S
    days, rest = np.divmod(paid_s, until[-1])
    seconds: FloatArray = days * day_s + np.interp(rest, until, np.arange(_HALF_HOURS + 1) * _HALF_HOUR_S)
    return np.floor(seconds)


def half_hour_weights() -> FloatArray:
    """Return how busy each half hour of the day is, from midnight on, 1 being the mean."""
    from scipy.special import gammainc

    shape, scale = _CYCLE
    step = np.arange(_DAY_BEGINS, _DAY_BEGINS + _HALF_HOURS)
    share = gammainc(shape, (step + 0.5) / scale) - gammainc(shape, (step - 0.5) / scale)
    weights = np.empty(_HALF_HOURS)
    weights[(step - 1) % _HALF_HOURS] = share
    result: FloatArray = weights / weights.mean()
    return result
