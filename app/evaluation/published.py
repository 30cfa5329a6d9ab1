"""What others have published on the two files of this data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CUMMINS = (
    "Cummins, Petoumenos, Wang & Leather, End-to-end deep learning of optimization heuristics, PACT 2017, case "
    "study A; the digits are those of the notebook in its artifact"
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """One published figure: accuracy, and mean speed-up over the best static device, on the file of one platform."""

    name: str
    platform: str
    accuracy: float
    speedup_over_static: float
    protocol: str = "stratified"
    source: str = CUMMINS

    def as_json(self) -> dict[str, Any]:
        """Return the baseline as a JSON object."""
        return asdict(self)


BASELINES = (
    Baseline("static", "AMD Tahiti 7970", 0.5882, 1.0),
    Baseline("static", "NVIDIA GTX 970", 0.5691, 1.0),
    Baseline("Grewe et al. 2013", "AMD Tahiti 7970", 0.7338, 2.906),
    Baseline("Grewe et al. 2013", "NVIDIA GTX 970", 0.7294, 1.265),
    Baseline("DeepTune", "AMD Tahiti 7970", 0.8368, 3.336),
    Baseline("DeepTune", "NVIDIA GTX 970", 0.8029, 1.412),
)
