"""The kernels of a file in races with queues: what choosing well brings once devices are shared."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.control import Control
from engine.errors import SchedRaceError
from engine.spec import RaceSpec, SchedulerSpec

if TYPE_CHECKING:
    from engine.frame import Frame
    from plugins.registry import Registry

SEEDS = 10
LOAD = 0.8
SCHEDULERS = ("mct", "mct+forest", "congestion", "hybrid_ml", "oracle", "congestion+true")


@dataclass(frozen=True, slots=True)
class Response:
    """Mean response seconds of one scheduler over the seeds, and the half width of their 95 % interval (Student)."""

    name: str
    mean_response_s: float
    half_width_s: float


@dataclass(frozen=True, slots=True)
class Queues:
    """The races: all kernels of the file in an order, and at Poisson arrivals, drawn by each of the seeds 0, 1, ..."""

    cluster: str
    load: float
    seeds: int
    schedulers: tuple[Response, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the races as a JSON object."""
        return asdict(self)


def race_kernels(path: Path, registry: Registry) -> Queues:
    """Race, and return the mean responses. Raises :class:`SchedRaceError` where a scheduler fails."""
    from app.session import run_race
    from plugins.assemble import prepare

    lanes = tuple(SchedulerSpec(name) for name in SCHEDULERS)
    means = []
    for seed in range(SEEDS):
        spec = RaceSpec(f"kernels:{path}", schedulers=lanes, seed=seed, load=LOAD)
        control: Control[Frame] = Control()
        result = run_race(prepare(spec, registry), recorder=None, control=control, frames=False, pace=None)
        for row in result.rows:
            if row.status != "finished":
                raise SchedRaceError(f"{row.name} was disqualified at seed {seed}: {row.reason}")
        means.append([row.mean_response_s for row in result.rows])
    columns = np.array(means).T
    responses = (
        Response(name, float(column.mean()), _half_width(column.tolist()))
        for name, column in zip(SCHEDULERS, columns, strict=True)
    )
    return Queues(spec.cluster, LOAD, SEEDS, tuple(responses))


def _half_width(values: list[float]) -> float:
    from scipy.stats import t

    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(t.ppf(0.975, len(values) - 1)) * spread
