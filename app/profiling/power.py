"""What the CPU draws, by the energy counters of Linux (RAPL) where they can be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True, slots=True)
class EnergyCounters:
    """The counters of all CPU packages of a machine."""

    packages: tuple[Path, ...]

    def watts_during(self, work: Callable[[], object]) -> float:
        """Do the work and return what the packages drew meanwhile, on average."""
        before, began = [_microjoules(package) for package in self.packages], time.perf_counter()
        work()
        lasted_s = time.perf_counter() - began
        drawn = 0
        for package, start in zip(self.packages, before, strict=True):
            used = _microjoules(package) - start
            # the counter starts again from 0 at the end of its range
            drawn += used if used >= 0 else used + int((package / "max_energy_range_uj").read_text())
        return drawn / 1e6 / lasted_s


def _microjoules(package: Path) -> int:
    return int((package / "energy_uj").read_text())


def energy_counters(powercap: Path = POWERCAP) -> EnergyCounters | str:
    """Return the counters, or the reason why there are none, as words that follow 'because'."""
    packages = [zone for zone in sorted(powercap.glob("*-rapl:*")) if _names_a_package(zone)]
    if not packages:
        return "this machine shows no energy counters (RAPL)"
    try:
        for package in packages:
            _microjoules(package)
            int((package / "max_energy_range_uj").read_text())
    except OSError as error:
        return f"the energy counters (RAPL) cannot be read: {error.strerror}"
    except ValueError:
        return "the energy counters (RAPL) hold no number"
    return EnergyCounters(tuple(packages))


def _names_a_package(zone: Path) -> bool:
    try:
        return (zone / "name").read_text().startswith("package")
    except OSError:
        return False
