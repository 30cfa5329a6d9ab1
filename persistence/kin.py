"""Training samples of several runs: which can be learned from together, and when each was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.training import TrainingSamples
from persistence.run import RunHeader


@dataclass(frozen=True, slots=True)
class Kin:
    """What the samples of a run are about; ``started_at`` and ``run`` order the runs."""

    started_at: datetime
    run: str
    feature_names: tuple[str, ...]
    models: tuple[str, ...]

    @classmethod
    def of(cls, header: RunHeader) -> Kin:
        """Return the kin of a run."""
        return cls(header.started_at, header.run, tuple(header.feature_names), tuple(header.models))

    def goes_with(self, other: Kin) -> bool:
        """Whether samples of both can be learned from together."""
        return (self.feature_names, self.models) == (other.feature_names, other.models)


@dataclass(frozen=True, slots=True)
class DatedSamples:
    """Samples with when they were recorded, in microseconds since 2000."""

    created_at_us: Any
    samples: TrainingSamples

    def __len__(self) -> int:
        return len(self.samples)
