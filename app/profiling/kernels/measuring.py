"""Every kernel at several sizes: on each device alone, and on both at once with fractions from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np

from app.profiling.kernels.devices import Pair, opencl
from app.profiling.kernels.law import Alone, Point
from app.profiling.kernels.programs import KERNELS, Kernel, Problem
from app.profiling.kernels.running import GpuLink, Side, TwoQueues, measured_link, open_sides, two_queues
from engine.errors import SchedRaceError

Sides = tuple[Side, Side]
LEAST_S, LEAST_ON_GPU_S = 0.02, 0.002
"""The smallest size takes the devices this long, so that launches and the clock weigh little ..."""
ENOUGH_S = 0.2
"""... or the CPU this long, beside a GPU that is so much faster."""
SIZES, REPEATS, PARTS = 3, 5, 8
MOST_BYTES = 2**31
_FIRST_LOOK = 3
_NO_LESS_S = 1e-6
"""A kernel that takes less than its launch: no clock here can tell how much."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A kernel at one size: what it is, its times alone, and its points by fraction from 0 to 1."""

    kernel: str
    size: int
    flops: float
    bytes: int
    work_items: int
    alone: Alone
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that was measured on a pair of devices."""

    pair: Pair
    link: GpuLink
    kernels: tuple[Measured, ...]

    @property
    def points(self) -> list[Point]:
        """The points of all kernels and sizes."""
        return [point for measured in self.kernels for point in measured.points]


def measure(pair: Pair, say: Callable[[str], None]) -> Measurement:
    """Measure all kernels; takes a minute or two. ``say`` is told what is being done.

    Raises :class:`SchedRaceError` where a device fails, or computes something else than numpy.
    """
    try:
        say("Timing launches and transfers ...")
        sides = open_sides(pair)
        link = measured_link(sides[1])
        return Measurement(pair, link, tuple(_kernels(sides, link, say)))
    except opencl().Error as error:
        said = " ".join(str(error).split())[:300]
        raise SchedRaceError(
            f"OpenCL failed on {pair.cpu.name} and {pair.gpu.name}: {said}. Nothing was written; a newer driver may "
            "help."
        ) from error


def _kernels(sides: Sides, link: GpuLink, say: Callable[[str], None]) -> Iterator[Measured]:
    for number, kernel in enumerate(KERNELS):
        say(f"Timing {kernel.name}: how large it must be ...")
        for place, size in enumerate(_sizes(sides, kernel)):
            say(f"Timing {kernel.name}, size {size:,} ({number * SIZES + place + 1} of {len(KERNELS) * SIZES}) ...")
            yield _measured(sides, link, kernel, size)


def _sizes(sides: Sides, kernel: Kernel) -> tuple[int, ...]:
    """Return the first sizes that take long enough, or the largest that memory has room for."""
    devices = [side.device for side in sides]
    room = min(MOST_BYTES, *(min(device.most_bytes, device.memory_bytes // 8) for device in devices))
    first = 0
    for first in range(len(kernel.steps) - SIZES + 1):
        problem = kernel.problem(kernel.steps[first])
        with two_queues(sides, kernel, problem) as queues:
            # the second run, which is warm
            cpu_s, gpu_s = ([queues.together_s(cut) for _ in range(2)][1] for cut in (problem.items, 0))
            if cpu_s >= ENOUGH_S or (cpu_s >= LEAST_S and gpu_s >= LEAST_ON_GPU_S):
                break
        if problem.bytes * 2**SIZES > room:  # the last of the next ones
            break
    return kernel.steps[first : first + SIZES]


def _measured(sides: Sides, link: GpuLink, kernel: Kernel, size: int) -> Measured:
    problem = kernel.problem(size)
    with two_queues(sides, kernel, problem) as queues:
        cuts = {queues.cut(part / PARTS) for part in range(PARTS + 1)}
        for cut in cuts:  # the run that is looked at warms up
            _check(sides, kernel, problem, queues, cut, size)
        looks = [(queues.together_s(problem.items), queues.gpu_alone_s()[1]) for _ in range(_FIRST_LOOK)]
        first = _alone(link, problem, *map(median, zip(*looks, strict=True)))
        chosen = queues.cut(first.best_fraction())
        _check(sides, kernel, problem, queues, chosen, size)
        runs: dict[int, list[float]] = {cut: [] for cut in sorted({*cuts, chosen}, reverse=True)}
        gpu_runs = []
        for _ in range(REPEATS):  # in turn, so that what disturbs this machine disturbs all alike
            for cut, seconds in runs.items():
                seconds.append(queues.together_s(cut))
            gpu_runs.append(queues.gpu_alone_s()[1])
    alone = _alone(link, problem, median(runs[problem.items]), median(gpu_runs))
    points = tuple(
        _point(kernel.name, size, 1 - cut / problem.items, seconds, alone, cut == chosen)
        for cut, seconds in runs.items()
    )
    return Measured(kernel.name, size, problem.flops, problem.bytes, problem.work_items, alone, points)


def _alone(link: GpuLink, problem: Problem, cpu_s: float, gpu_kernel_s: float) -> Alone:
    gpu_s = max(gpu_kernel_s - link.latency_s, _NO_LESS_S)
    return Alone(cpu_s, gpu_s, problem.bytes / 1e9, link.latency_s, link.gb_s)


def _point(kernel: str, size: int, fraction: float, seconds: list[float], alone: Alone, chosen: bool) -> Point:
    low, middle, high = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
    return Point(kernel, size, fraction, middle, (high - low) / middle, alone.law_s(fraction), chosen)


def _check(sides: Sides, kernel: Kernel, problem: Problem, queues: TwoQueues, cut: int, size: int) -> None:
    wrong = queues.wrong_item(cut)
    if wrong is not None:
        device = sides[0 if wrong < cut else 1].device
        raise SchedRaceError(
            f"{device.name} computes {kernel.name} of size {size:,} wrongly: item {wrong:,} of {problem.items:,} is "
            "not what numpy has. Its times would mean nothing, so nothing was written; a newer driver may help."
        )
