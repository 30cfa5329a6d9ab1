"""A race as data: everything that determines its bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.drift import Drift
from engine.errors import InputError
from engine.weights import Weights

MOST_TASKS = 100_000_000
ParamValue = float | int | bool | str


@dataclass(frozen=True, slots=True)
class SchedulerSpec:
    """One lane: ``name`` is a rule, a rule with an estimator (``mct+forest``) or an alias (``oracle``).

    ``label`` is how the lane is called in results; empty means the name.
    """

    name: str
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    label: str = ""

    @property
    def shown(self) -> str:
        """The lane's name in results."""
        return self.label or self.name


@dataclass(frozen=True, slots=True)
class RaceSpec:
    """What to race. ``workload`` is ``NAME``, ``FILE`` or ``NAME:FILE``; ``cluster`` a preset's name or a TOML file.

    ``tasks`` and ``load`` None mean what the workload itself says. ``warm_start`` is a file of training samples from
    which every learner starts; empty: from nothing. Raises :class:`InputError` on nonsense.
    """

    workload: str = "synthetic"
    workload_params: Mapping[str, ParamValue] = field(default_factory=dict)
    cluster: str = "default"
    schedulers: tuple[SchedulerSpec, ...] = (
        SchedulerSpec("round_robin"),
        SchedulerSpec("mct"),
        SchedulerSpec("hybrid_ml"),
        SchedulerSpec("oracle"),
    )
    weights: Weights = field(default_factory=Weights)
    seed: int = 0
    tasks: int | None = None
    load: float | None = None
    drift: tuple[Drift, ...] = ()
    warm_start: str = ""

    def __post_init__(self) -> None:
        if self.tasks is not None and self.tasks < 1:
            raise InputError(f"A race needs at least 1 task; you asked for {self.tasks}.")
        if self.tasks is not None and self.tasks > MOST_TASKS:
            raise InputError(f"A race has at most {MOST_TASKS:,} tasks; you asked for {self.tasks:,}.")
        if self.load is not None and not 0.001 <= self.load <= 100:
            raise InputError(
                f"The load is {self.load}; it must be from 0.001 to 100 (1.0 is the edge of the possible)."
            )
        if not 0 <= self.seed < 2**63:
            raise InputError(f"The seed is {self.seed}; it must be a whole number from 0 to 2^63 - 1.")
        if not self.schedulers:
            raise InputError("A race needs at least one scheduler.")
        shown = [s.shown for s in self.schedulers]
        for name in shown:
            if shown.count(name) > 1:
                raise InputError(f"Two schedulers are called '{name}'; give one of them a label.")
