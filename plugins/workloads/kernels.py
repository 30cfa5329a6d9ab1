"""OpenCL kernels with measured CPU and GPU times: the published data set behind 'which device suits this kernel?'.

Reads the CSV of Cummins et al. 2017, 'End-to-end deep learning of optimization heuristics' (PACT), case study A, which
extends Grewe et al. 2013: static counts of each kernel, bytes to transfer, work-group size, and measured milliseconds.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.errors import InputError, did_you_mean
from engine.params import parameter
from engine.workload import FloatArray, Workload, workload
from plugins.arrivals import poisson, with_arrivals
from plugins.workload import WorkloadPlugin, WorkloadRequest
from plugins.workloads.table import Table, number, open_table

DEFAULT_LOAD = 0.8
COUNTS = ("comp", "rational", "mem", "localmem", "coalesced", "atomic", "transfer", "wgsize")
TIMES = ("runtime_cpu", "runtime_gpu")
MOST = 1e15
"""Of any count, and milliseconds: what is above it is a slip, and products of such counts leave single precision."""
_REQUIRED = ("benchmark", "dataset", *COUNTS, *TIMES)


@dataclass(frozen=True)
class KernelsParams:
    """When the kernels arrive."""

    arrivals: str = parameter(
        "poisson",
        "A Poisson process, in an order drawn by the seed, or all at once, in the order of the file",
        choices=("poisson", "at_once"),
    )


class Kernels(WorkloadPlugin):
    """Measured kernels, arriving as a Poisson process in a random order, or all at once."""

    name = "kernels"
    summary = "Measured OpenCL kernels from a CSV: what each took on a CPU and on a GPU."
    explanation = (
        "Nobody knows a kernel's time before it has run: the nominal time of every kernel is the median of its device, "
        "and learners have only the static counts to go by. Kernels without atomic operations may be split between "
        "devices (their work-groups are independent). Measured GPU times contain the transfers."
    )
    Params = KernelsParams
    reads_files = True

    def load(self, request: WorkloadRequest) -> Workload:
        """Read all kernels and draw their order by the seed; more tasks than kernels draw further ones from the file.

        The file is sorted by benchmark suite: in its own order the load would swing with the suites' mean times.
        """
        if request.path is None:
            raise InputError("The workload 'kernels' reads a file; write kernels:FILE.")
        kernels = read_kernels(request.path)
        total, count = len(kernels.names), request.tasks or len(kernels.names)
        if self.params.arrivals == "at_once":
            return _tasks(kernels, np.arange(count) % total, request.path.stem)
        pick_rng, arrivals_rng = (np.random.default_rng([request.seed, stream]) for stream in (0, 1))
        chosen = pick_rng.permutation(total)[:count]
        if count > total:
            chosen = np.concatenate([chosen, pick_rng.integers(total, size=count - total)])
        tasks = _tasks(kernels, chosen, request.path.stem)
        return with_arrivals(tasks, request.cluster, poisson(arrivals_rng, count), request.load or DEFAULT_LOAD)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the header names all columns of the data set."""
        header = {cell.strip().strip('"') for cell in head.partition("\n")[0].split(",")}
        return header.issuperset(_REQUIRED)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredKernels:
    """All kernels of a file. ``counts`` is n x :data:`COUNTS` (transfer in bytes), ``seconds`` n x (CPU, GPU);
    ``benchmarks`` are suite, program and kernel, joined by hyphens, ``names`` those with the data set."""

    benchmarks: tuple[str, ...]
    names: tuple[str, ...]
    counts: FloatArray
    seconds: FloatArray


@dataclass(slots=True)
class _Rows:
    """The columns of the file as they come in."""

    benchmarks: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    counts: array[float] = field(default_factory=lambda: array("d"))
    seconds: array[float] = field(default_factory=lambda: array("d"))


def read_kernels(path: Path) -> MeasuredKernels:
    """Read the file. Raises :class:`InputError`, with every bad cell by line and column."""
    rows = _Rows()
    with open_table(path, numbered=True) as table:  # as the file is published
        for name in _REQUIRED:
            if name not in table.header:
                raise InputError(f"'{path}' has no column '{name}'.{did_you_mean(name, table.header)}")
        at = {name: table.header.index(name) for name in _REQUIRED}
        for line, cells in table.rows():
            _read_row(table, line, cells, at, rows)
        table.problems.refuse()
    if not rows.names:
        raise InputError(f"'{path}' has a header but no kernels.")
    counts = np.array(rows.counts).reshape(-1, len(COUNTS))
    seconds = np.array(rows.seconds).reshape(-1, len(TIMES))
    return MeasuredKernels(tuple(rows.benchmarks), tuple(rows.names), counts, seconds)


def _read_row(table: Table, line: int, cells: list[str], at: dict[str, int], rows: _Rows) -> None:
    for column in (*COUNTS, *TIMES):
        is_time = column in TIMES
        try:
            value = number(cells[at[column]], low=0.0, above=is_time)
            if value > MOST:
                raise ValueError(f"{cells[at[column]].strip()} must be at most {MOST:g}")
        except ValueError as error:
            table.problems.add(line, column, str(error))
            value = 1.0
        if is_time:
            rows.seconds.append(value / 1000)
        else:
            rows.counts.append(value)
    dataset = cells[at["dataset"]]
    name = cells[at["benchmark"]]
    rows.benchmarks.append(name)
    rows.names.append(name if dataset in ("", "default") else f"{name}/{dataset}")


def _tasks(kernels: MeasuredKernels, chosen: np.ndarray[tuple[int], np.dtype[np.int64]], name: str) -> Workload:
    counts, seconds = kernels.counts, kernels.seconds
    median_s = np.median(seconds, axis=0)
    return workload(
        name,
        ("cpu", "gpu"),
        np.zeros(len(chosen)),
        seconds[chosen],
        etc_s=np.broadcast_to(median_s, (len(chosen), len(TIMES))),
        # the counts span seven decades
        features=np.log1p(counts[chosen]),
        feature_names=tuple(f"log_{column}" for column in COUNTS),
        divisible=counts[chosen, COUNTS.index("atomic")] == 0,
        names=[kernels.names[i] for i in chosen.tolist()],
        notes=(
            f"Nominal times are the file's medians ({median_s[0] * 1000:.3g} ms on CPUs, {median_s[1] * 1000:.3g} ms "
            "on GPUs) for every kernel: its own time is not known before it has run.",
        ),
    )
