"""Reading logs in the Standard Workload Format (Chapin et al., JSSPP 1999; Feitelson's Parallel Workloads Archive).

One job a line, 18 numbers each, -1 where a value is missing; the header is made of comments, ``; MaxProcs: 240``.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.workload import FloatArray
from plugins.workload import Progress, unwatched
from plugins.workloads.lines import open_lines
from plugins.workloads.table import Problems

FIELDS = (
    "job", "submit", "wait", "run", "allocated_processors", "cpu_time", "used_memory", "requested_processors",
    "requested_time", "requested_memory", "status", "user", "group", "executable", "queue", "partition",
    "preceding_job", "think_time",
)  # fmt: skip
_DIRECTIVE = re.compile(r";\s*(\w+)\s*:\s*(\S.*)")
_KNOWN_DIRECTIVES = {"Version", "Computer", "Installation", "MaxJobs", "MaxRecords", "MaxNodes", "MaxProcs"}
_MOST_PROCESSORS = 10_000_000
_YEAR_2100_S = 4_102_444_800


@dataclass(slots=True)
class SwfLog:
    """What the file says: n lines of 18 numbers, where they stand, and the header."""

    path: Path
    header: dict[str, str]
    lines: array[int]
    rows: FloatArray

    def column(self, field: str) -> FloatArray:
        """Return one of :data:`FIELDS` as n numbers."""
        values: FloatArray = self.rows[:, FIELDS.index(field)]
        return values

    def where(self, row: int) -> str:
        """Return the file and the line of a row, for an error."""
        return f"'{self.path}', line {self.lines[row]}"


def read_log(path: Path, progress: Progress = unwatched) -> SwfLog:
    """Return the log. Raises :class:`InputError` with the line and the reason of all that is wrong (up to 20)."""
    header: dict[str, str] = {}
    numbers, values, problems = array("q"), array("d"), Problems(path)
    with open_lines(path, progress) as lines:
        for number, line in lines:
            cells = line.split()
            if not cells or cells[0].startswith(";"):
                _note_directive(line, header)
                continue
            try:
                row = list(map(float, cells))
            except ValueError:
                row = []
            if len(row) == len(FIELDS):
                numbers.append(number)
                values.extend(row)
            else:
                _blame(cells, number, problems)
    log = SwfLog(path, header, numbers, np.array(values).reshape(-1, len(FIELDS)))
    _check(log, problems)
    problems.refuse()
    if not len(log.rows):
        raise InputError(f"'{path}' has no jobs.")
    return log


def _note_directive(line: str, header: dict[str, str]) -> None:
    match = _DIRECTIVE.match(line)
    if match:
        header.setdefault(match[1], match[2].strip())


def _numeric(cells: Iterable[str]) -> bool:
    try:
        list(map(float, cells))
    except ValueError:
        return False
    return True


def _blame(cells: list[str], line: int, problems: Problems) -> None:
    if len(cells) != len(FIELDS):
        problems.add(line, None, f"has {len(cells)} fields, but a job has {len(FIELDS)}")
        return
    for field, cell in zip(FIELDS, cells, strict=True):
        if not _numeric([cell]):
            problems.add(line, field, f"'{cell}' is not a number")


def _check(log: SwfLog, problems: Problems) -> None:
    """Note what no log can say: values that are no finite numbers, a negative submit time, half a processor."""
    for row, at in np.argwhere(~np.isfinite(log.rows)).tolist():
        problems.add(log.lines[row], FIELDS[at], f"{log.rows[row, at]} is not a finite number")
    for row in np.flatnonzero(log.column("submit") < 0).tolist():
        problems.add(log.lines[row], "submit", f"{log.column('submit')[row]:g} must be at least 0")
    for field in ("allocated_processors", "requested_processors"):
        count = log.column(field)
        for row in np.flatnonzero((count != np.floor(count)) | (count > _MOST_PROCESSORS)).tolist():
            problems.add(log.lines[row], field, f"{count[row]:g} is not a whole number up to {_MOST_PROCESSORS:,}")


def looks_like_swf(head: str) -> bool:
    """Return whether a text begins with the format's header, and then has lines of 18 numbers and no others."""
    lines = head.splitlines()[:-1]  # the last one may be cut off
    header = {match[1] for line in lines if (match := _DIRECTIVE.match(line))}
    rows = [line.split() for line in lines if line.strip() and not line.startswith(";")]
    return bool(header & _KNOWN_DIRECTIVES) and all(len(row) == len(FIELDS) and _numeric(row) for row in rows)


def read_header(path: Path) -> dict[str, str]:
    """Return the directives above the first job."""
    header: dict[str, str] = {}
    with open_lines(path) as lines:
        for _, line in lines:
            if line.strip() and not line.lstrip().startswith(";"):
                break
            _note_directive(line, header)
    return header


def machine_size(header: dict[str, str]) -> int:
    """Return the processors of the machine, 0 where the header does not say."""
    for directive in ("MaxProcs", "MaxNodes"):
        match = re.match(r"\d+", header.get(directive, ""))
        if match and 1 <= len(match[0]) <= len(str(_MOST_PROCESSORS)) and 1 <= int(match[0]) <= _MOST_PROCESSORS:
            return int(match[0])
    return 0


def said_by(header: dict[str, str]) -> Iterable[str]:
    """Yield what the header says about the machine and the clock, as sentences."""
    size = machine_size(header)
    if "Computer" in header:
        yield f"The log is of {header['Computer']}{f', {size:,} processors' if size else ''}."
    start = header.get("UnixStartTime", "")
    if start.isdecimal() and len(start) <= 10 and 0 < int(start) < _YEAR_2100_S:
        yield f"Its second 0 is {datetime.fromtimestamp(int(start), UTC):%Y-%m-%d %H:%M:%S} UTC."
