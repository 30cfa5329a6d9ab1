"""Task graphs of the Standard Task Graph Set.

Tobita & Kasahara, 'A standard task graph set for fair evaluation of multiprocessor scheduling algorithms', Journal of
Scheduling 5(5), 2002; format: www.kasahara.cs.waseda.ac.jp/schedule/format_e.html (and proto_e.html).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from engine.cluster import Cluster
from engine.errors import InputError
from engine.params import parameter
from engine.workload import LONGEST_S, Workload
from plugins.workload import Progress, WorkloadPlugin, WorkloadRequest
from plugins.workloads.graph_file import GraphTask, graph_workload
from plugins.workloads.lines import open_lines
from plugins.workloads.table import Problems, number
from plugins.workloads.trace import Account


@dataclass(frozen=True)
class StgParams:
    """What the file leaves open."""

    unit_s: float = parameter(1.0, "Seconds in one unit of time of the file", low=1e-9, high=1e9)


class Stg(WorkloadPlugin):
    """One task graph of the Standard Task Graph Set; all its tasks arrive at once."""

    name = "stg"
    summary = "A task graph from the Standard Task Graph Set (.stg)."
    explanation = (
        "Tobita & Kasahara 2002: processing times in units of time, precedence, with or without communication costs. "
        "The set has one time a task: a CPU's. On a cluster with GPUs their times are made up, and a note says so."
    )
    reads_files = True
    Params = StgParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the graph; ``tasks`` takes the first ones, ``load`` means nothing: all tasks arrive at once."""
        if request.path is None:
            raise InputError("The workload 'stg' reads a file; write stg:FILE.")
        rows = _read(request.path, request.progress)
        account = Account(request.path)
        tasks = _tasks(rows, self.params.unit_s, request.cluster, account)
        account.assume(f"One unit of time of the file is {self.params.unit_s:g} s (unit_s) on a CPU.")
        return graph_workload(request.path, tasks, request, account, ("parents", "children"))

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the first line counts tasks and the second is a first task without parents."""
        lines = (text.partition("#")[0].split() for text in head.split("\n"))
        first, second = ([*(cells for cells in lines if cells), [], []])[:2]
        return (
            len(first) in (1, 2)
            and all(cell.isdecimal() for cell in (*first, *second))
            and len(second) == 3
            and second[0] in ("0", "1")
            and second[2] == "0"
        )


@dataclass(slots=True)
class _Row:
    """One task of the file: parents by their numbers, costs of communication where the file has them."""

    line: int
    task: int
    cost: float
    parents: list[int] = field(default_factory=list)
    communication: list[float] = field(default_factory=list)


def _read(path: Path, progress: Progress) -> list[_Row]:
    """Return the tasks in the order of the file. Raises :class:`InputError` with the line of all that is wrong."""
    problems = Problems(path)
    rows: list[_Row] = []
    count: int | None = None
    edges_to_come = 0
    line = 0
    with open_lines(path, progress) as lines:
        for line, text in lines:
            cells = text.partition("#")[0].split()
            if not cells:
                continue
            try:
                if count is None:
                    count = _count(cells, path, line)
                elif edges_to_come:
                    edges_to_come -= 1
                    _read_edge(cells, rows[-1])
                else:
                    row, edges_to_come = _row(line, cells)
                    rows.append(row)
            except ValueError as error:
                problems.add(line, None, str(error))
    if count is None:
        raise InputError(f"'{path}' is empty; its first line must be the number of tasks.")
    problems.refuse()
    if edges_to_come:
        problems.add(line, None, f"the file ends before {edges_to_come:,} of the parents of task {rows[-1].task}")
    # the number leaves out the dummies: none, an exit, or an entry and an exit
    elif not count <= len(rows) <= count + 2:
        problems.add(line, None, f"the file ends after {len(rows):,} tasks, but its first line promises {count:,}")
    _check_numbers(rows, problems)
    problems.refuse()
    return rows


def _count(cells: list[str], path: Path, line: int) -> int:
    """Return the number of tasks. Nothing else can be read without it, so it is refused at once."""
    if len(cells) > 2 or not all(cell.isdecimal() for cell in cells) or not 1 <= int(cells[0][:16]) <= LONGEST_S:
        raise InputError(
            f"'{path}', line {line}: a task graph begins with its number of tasks (and of processors), not with "
            f"'{' '.join(cells)[:40]}'."
        )
    return int(cells[0])


def _row(line: int, cells: list[str]) -> tuple[_Row, int]:
    """Return a task and how many lines with a parent and its communication cost are to follow."""
    if len(cells) < 3:
        raise ValueError(f"has {len(cells)} numbers; a task has its number, its time, and how many parents it has")
    task, cost, count = _whole(cells[0]), _units(cells[1]), _whole(cells[2])
    if len(cells) == 3:
        return _Row(line, task, cost), count
    if len(cells) != 3 + count:
        raise ValueError(f"says that task {task} has {count:,} parents, but {len(cells) - 3} follow")
    return _Row(line, task, cost, [_whole(cell) for cell in cells[3:]]), 0


def _read_edge(cells: list[str], row: _Row) -> None:
    if len(cells) != 2:
        raise ValueError(f"has {len(cells)} numbers, not a parent of task {row.task} and its cost of communication")
    parent, cost = _whole(cells[0]), number(cells[1], low=0.0)
    row.parents.append(parent)
    row.communication.append(cost)


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise ValueError(f"'{text[:20]}' must be a whole number of at most 15 digits")
    return int(text)


def _units(text: str) -> float:
    value = number(text, low=0.0)
    if value > LONGEST_S:
        raise ValueError(f"{text.strip()[:20]} units of time are too many to be added up")
    return value


def _check_numbers(rows: list[_Row], problems: Problems) -> None:
    """Note numbers that two tasks have, parents that no task is, and inner tasks that take no time."""
    seen: dict[int, _Row] = {}
    for row in rows:
        if row.task in seen:
            problems.add(row.line, None, f"task {row.task} is the one of line {seen[row.task].line} too")
        seen.setdefault(row.task, row)
    has_children = {parent for row in rows for parent in row.parents}
    for row in rows:
        for parent in row.parents:
            if parent not in seen:
                problems.add(row.line, None, f"task {row.task} has the parent {parent}, which does not exist")
        if not row.cost and row.parents and row.task in has_children:
            problems.add(row.line, None, f"task {row.task} takes no time; only the dummies at entry and exit may")


def _tasks(rows: list[_Row], unit_s: float, cluster: Cluster, account: Account) -> list[GraphTask]:
    """Return the tasks that take time; the dummies and their edges are left out."""
    real = [row for row in rows if row.cost]
    account.leave_out("that take no time (the dummies at entry and exit)", len(rows) - len(real))
    position = {row.task: i for i, row in enumerate(real)}
    children = dict.fromkeys(position, 0)
    edges = [[(p, c) for p, c in _edges(row) if p in position] for row in real]
    for row_edges in edges:
        for parent, _ in row_edges:
            children[parent] += 1
    gb_a_unit = _gb_a_unit(rows, unit_s, cluster, account)
    return [
        GraphTask(
            name=str(row.task),
            where=f"line {row.line}",
            cpu_s=row.cost * unit_s,
            parents=[position[parent] for parent, _ in row_edges],
            parents_gb=[cost * gb_a_unit for _, cost in row_edges],
            features=(len(row_edges), children[row.task]),
        )
        for row, row_edges in zip(real, edges, strict=True)
    ]


def _edges(row: _Row) -> list[tuple[int, float]]:
    return list(zip(row.parents, row.communication or [0.0] * len(row.parents), strict=True))


def _gb_a_unit(rows: list[_Row], unit_s: float, cluster: Cluster, account: Account) -> float:
    """Return the GB that the cluster's link moves in one unit of time: so the costs of the file hold on any link."""
    if not any(any(row.communication) for row in rows):
        return 0.0
    if cluster.link.gb_s == math.inf:
        account.assume(
            f"The communication costs are without effect: cluster '{cluster.name}' has no link between its devices."
        )
        return 0.0
    account.assume(
        "The communication costs became as many GB as the link between the cluster's devices moves in that time."
    )
    return unit_s * cluster.link.gb_s
