"""The CPU of this machine: a float32 matrix product and a copy through memory, timed; cores, memory and watts."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.profiling.figures import CPU_PEAK, CPU_PEAK_GFLOP_S, Figures, significant
from app.profiling.power import EnergyCounters, energy_counters

Say = Callable[[str], None]

_PRODUCT_N = 2048
_COPY_BYTES = 128 * 2**20
"""Two arrays of this size are far larger than the caches of a desktop; a server's may hold a part."""
_LEAST_RUNS, _LEAST_S, _IDLE_S = 5, 2.0, 1.0
# those of the preset 'default': Xeon Gold 6130, 125 W TDP and 40 W idle (assumed) for 16 cores
_ACTIVE_W_A_CORE, _IDLE_W_A_CORE = 7.8, 2.5


def profile_cpu(say: Say) -> Figures:
    """Measure the CPU; takes some seconds. ``say`` is told what is being done."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counters = energy_counters()
    say("Timing a matrix product on all cores ...")
    gflop_s, idle_w, active_w = _product_and_watts(counters, cores)
    say("Timing a copy through memory ...")
    copy_gb_s = significant(memory_copy_gb_s())
    memory_gb = _memory_gb()
    return Figures(
        id="cpu",
        kind="cpu",
        name=cpu_name(),
        speed=significant(gflop_s / CPU_PEAK_GFLOP_S),
        memory_gb=memory_gb,
        idle_w=significant(idle_w),
        active_w=significant(active_w),
        origins=(
            f"{cores} logical cores that this process may use, together one device",
            f"measured {gflop_s:,.0f} GFLOP/s in a float32 matrix product (numpy, n = {_PRODUCT_N}, best run); "
            f"speed = that over {CPU_PEAK}, which no real product reaches",
            f"measured {copy_gb_s:g} GB/s read and written by one thread that copies {_COPY_BYTES // 2**20} MiB",
            "memory as the system reports it" if memory_gb else "the system does not report its memory: no limit",
            _power_origin(counters),
            "no price",
        ),
        gflop_s=significant(gflop_s),
        copy_gb_s=copy_gb_s,
    )


def _product_and_watts(counters: EnergyCounters | str, cores: int) -> tuple[float, float, float]:
    """Return the GFLOP/s of a matrix product, and the watts at rest and during it."""
    if not isinstance(counters, EnergyCounters):
        return product_gflop_s(), cores * _IDLE_W_A_CORE, cores * _ACTIVE_W_A_CORE
    idle_w = counters.watts_during(lambda: time.sleep(_IDLE_S))
    gflop_s: list[float] = []
    active_w = counters.watts_during(lambda: gflop_s.append(product_gflop_s()))
    return gflop_s[0], min(idle_w, active_w), active_w


def _power_origin(counters: EnergyCounters | str) -> str:
    if isinstance(counters, EnergyCounters):
        return f"watts measured by the energy counters (RAPL): {_IDLE_S:g} s at rest, and during the matrix product"
    return (
        f"watts are an assumption because {counters}: {_ACTIVE_W_A_CORE:g} W a logical core, {_IDLE_W_A_CORE:g} W at "
        "rest, as a core of the preset 'default'"
    )


def product_gflop_s() -> float:
    """Return the speed of a float32 matrix product, the best of some runs."""
    a = np.random.default_rng(0).random((_PRODUCT_N, _PRODUCT_N), dtype=np.float32)
    out = np.empty_like(a)
    return 2e-9 * _PRODUCT_N**3 / best_s(lambda: np.matmul(a, a, out=out))


def memory_copy_gb_s() -> float:
    """Return the bytes read and written by a copy, in GB/s, the best of some runs."""
    source = np.ones(_COPY_BYTES // 8)
    target = np.zeros_like(source)
    return 2e-9 * _COPY_BYTES / best_s(lambda: np.copyto(target, source))


def best_s(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest run: what disturbs a run only makes it slower. The first warms up."""
    work()
    runs: list[float] = []
    while len(runs) < _LEAST_RUNS or sum(runs) < _LEAST_S:
        began = time.perf_counter()
        work()
        runs.append(time.perf_counter() - began)
    return min(runs)


def cpu_name() -> str:
    """Return what the system calls the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, (*names, platform.processor(), platform.machine())), "a CPU without a name")


def _memory_gb() -> float | None:
    try:
        return significant(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf, other systems not these names
        return None
