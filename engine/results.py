"""The figures of a finished race, one row for each scheduler."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from engine.bounds import Bounds

Status = Literal["running", "finished", "disqualified", "stopped"]


@dataclass(frozen=True, slots=True)
class SchedulerResult:
    """The summary of one scheduler; the field names are those of the ``--json`` output. None: not defined for this row.

    ``status`` is 'stopped' when the user ended the race first; ``reason`` says why a scheduler was disqualified, and
    ``traceback`` (not part of the JSON) where; ``learning`` is what an estimator says that it has learned
    (:meth:`engine.estimator.Estimator.account`). Definitions: resources/help and :mod:`engine.metrics`.
    """

    name: str
    status: Status
    reason: str | None
    tasks: int
    makespan_s: float | None
    mean_response_s: float | None
    p50_response_s: float | None
    p95_response_s: float | None
    p99_response_s: float | None
    mean_wait_s: float | None
    mean_bounded_slowdown: float | None
    throughput_per_s: float | None
    utilisation: dict[str, float | None]
    energy_j: float | None
    cost: float | None
    jain: float | None
    regret: float | None
    gap: dict[str, float | None]
    deadline_misses: int | None
    deadline_miss_share: float | None
    moved_gb: float | None
    gpu_memory_peak_gb: float | None
    memory_refusals: int | None
    fragmentation: float | None
    decision_latency_s: dict[str, float | None] = field(compare=False)  # of wall time: the same race has another
    digest: str | None
    learning: dict[str, Any] | None = None
    traceback: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row as the stable JSON object (without the traceback)."""
        row = asdict(self)
        del row["traceback"]
        return row


@dataclass(frozen=True, slots=True)
class RaceResult:
    """All rows of a race, in the order of the spec; ``digest`` is the hash of the rows' digests.

    ``reproducible`` is False when a scheduler was disqualified for taking too long; ``bound`` is what no schedule can
    beat, None where a task fits no device.
    """

    digest: str
    tasks: int
    rows: tuple[SchedulerResult, ...]
    reproducible: bool
    bound: Bounds | None = None
