"""Files with an ETC matrix: the expected time to compute of every task on every machine.

The format of the benchmark instances of Braun et al., JPDC 61(6), 2001 (``u_c_hihi.0`` ...) and of HCSP: a first line
``tasks machines`` (some writers add a 0), then one value after the other, all machines of the first task first.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InputError, TaskError
from engine.params import parameter
from engine.workload import LONGEST_S, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import Progress, WorkloadPlugin, WorkloadRequest
from plugins.workloads.lines import open_lines
from plugins.workloads.table import Problems, number
from plugins.workloads.trace import Account, TraceParams

_MOST_MACHINES = 10_000


@dataclass(frozen=True)
class EtcMatrixParams:
    """What the file leaves open."""

    divisible: bool = parameter(False, "Whether every task may be split between machines")


class EtcMatrix(WorkloadPlugin):
    """A batch of independent tasks on unrelated machines ``m0``, ``m1``, ...; all arrive at second 0."""

    name = "etc_matrix"
    summary = "A batch of tasks with their expected times on every machine, as Braun's and HCSP's instances."
    explanation = (
        "Braun et al. 2001: an ETC matrix, tasks x machines. Race it on machines:N, one machine for each column. The "
        "expected times are taken as the true ones, so there is nothing to learn, only to schedule."
    )
    reads_files = True
    Params = EtcMatrixParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the matrix; ``tasks`` takes the first rows, ``load`` means nothing: all tasks arrive at once."""
        path = request.path
        if path is None:
            raise InputError("The workload 'etc_matrix' reads a file; write etc_matrix:FILE.")
        matrix = _read(path, request.progress)
        n, m = matrix.shape
        account = Account(path)
        chosen = account.choose(np.zeros(n), TraceParams(), request.tasks)
        account.assume("The file has expected times alone: they are the true ones too, and all tasks arrive at once.")
        try:
            tasks = workload(
                path.name,
                [f"m{machine}" for machine in range(m)],
                np.zeros(len(chosen)),
                matrix[chosen],
                divisible=self.params.divisible,
                notes=account.notes(),
            )
        except TaskError as error:
            raise InputError(f"'{path}': {error} Tasks are counted from 0, in the order of the file.") from error
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the first line is a size and the second holds one value, or one for each machine."""
        first, second = ([line.split() for line in head.split("\n", 2)] + [[], []])[:2]
        try:
            _, machines = _size(first)
            values = [_seconds(cell) for cell in second]
        except ValueError:
            return False
        return len(values) in (1, machines)

    @classmethod
    def cluster_of(cls, path: Path, head: str) -> str | None:
        """Return ``machines:M`` for the M machines of the first line."""
        try:
            return f"machines:{_size(head.partition(chr(10))[0].split())[1]}"
        except ValueError:
            return None


def _size(cells: list[str]) -> tuple[int, int]:
    """Return (tasks, machines) from the cells of the first line; ValueError carries the reason why they are none."""
    plain = all(cell.isascii() and cell.isdecimal() for cell in cells)
    if len(cells) not in (2, 3) or not plain or cells[2:] not in ([], ["0"]):
        raise ValueError(f"an ETC matrix begins with its size, as in '512 16 0', not with '{' '.join(cells)[:40]}'")
    if max(map(len, cells)) > 9 or min(int(cells[0]), int(cells[1])) < 1 or int(cells[1]) > _MOST_MACHINES:
        raise ValueError(f"has the size {cells[0][:20]} x {cells[1][:20]}; up to {_MOST_MACHINES:,} machines are read")
    return int(cells[0]), int(cells[1])


def _seconds(cell: str) -> float:
    """Return a value of the matrix, inf where the task cannot run there; ValueError carries what is wrong with it."""
    value = number(cell, low=0.0, above=True, infinite=True)
    if LONGEST_S < value < np.inf:
        raise ValueError(f"{cell} is above {LONGEST_S:g} s, too long to be added up")
    return value


def _read(path: Path, progress: Progress) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the matrix (tasks x machines). Raises :class:`InputError` with the line of all that is wrong."""
    problems = Problems(path)
    values = array("d")
    with open_lines(path, progress) as lines:
        line, text = next(lines, (1, ""))
        try:
            tasks, machines = _size(text.split())
        except ValueError as error:
            raise InputError(f"'{path}', line {line}: {error}.") from error
        for line, cell in _cells(lines):
            if len(values) == tasks * machines:
                problems.add(line, None, f"goes on after the {tasks:,} x {machines:,} values of the first line")
                break
            values.append(_noted(cell, line, len(values) % machines, problems))
    problems.refuse()
    if len(values) < tasks * machines:
        problems.add(line, None, f"the file ends after {len(values):,} of the {tasks:,} x {machines:,} values")
        problems.refuse()
    return np.array(values).reshape(tasks, machines)


def _cells(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for line, text in lines:
        for cell in text.split():
            yield line, cell


def _noted(cell: str, line: int, machine: int, problems: Problems) -> float:
    try:
        return _seconds(cell)
    except ValueError as error:
        problems.add(line, f"m{machine}", str(error))
        return 1.0
