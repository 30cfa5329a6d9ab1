"""Gavel's measured throughputs: steps a second of each job type, alone, on each GPU model.

Two forms are read: the JSON of Gavel's repository (``simulation_throughputs.json``: model, then type, then what it ran
beside, of which ``null`` is nothing), and its isolated part as CSV (``gpu_type, job_type_and_scale_factor,
steps_per_sec_isolated``). A type is written ``('ResNet-50 (batch size 64)', 2)``, on two GPUs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from plugins.workloads.lines import open_lines
from plugins.workloads.rows import rows_of
from plugins.workloads.table import open_table

NAMES = ("gavel_isolated_throughputs.csv", "simulation_throughputs.json")
"""What the file is called where it is looked for."""
_FOLDERS_ABOVE = 3
_COLUMNS = ("gpu_type", "job_type_and_scale_factor", "steps_per_sec_isolated")
_ACROSS_SERVERS = "_unconsolidated"
_TYPE = re.compile(r"\('(.*)', (\d{1,6})\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Throughputs:
    """Steps a second by (GPU model, job type, GPUs); what is not there cannot run there."""

    path: Path
    models: tuple[str, ...]
    steps_per_s: dict[tuple[str, str, int], float]

    def seconds(self, job_type: str, gpus: int, steps: int) -> list[float]:
        """Return what a job takes on each of the models, inf where it cannot run."""
        speeds = [self.steps_per_s.get((model, job_type, gpus), 0.0) for model in self.models]
        return [steps / speed if speed > 0 else math.inf for speed in speeds]


def throughputs_beside(trace: Path) -> Path:
    """Return the file of throughputs beside a trace, or in a folder up to three above it. Raises :class:`InputError`
    when there is none."""
    for folder in trace.absolute().parents[: 1 + _FOLDERS_ABOVE]:
        for name in NAMES:
            if (folder / name).is_file():
                return folder / name
    raise InputError(
        f"'{trace}' has no throughputs beside it, so nobody knows how long its jobs run. Put {NAMES[1]} of Gavel's "
        f"repository there, or name the file: --workload 'gavel:{trace}' --param gavel.throughputs=FILE."
    )


def read_throughputs(path: Path) -> Throughputs:
    """Return the throughputs in a file of either form, without those measured across servers.

    Raises :class:`InputError` with the line, or the model and type, at fault.
    """
    rows = _json_rows(path) if path.suffix.lower() == ".json" else _csv_rows(path)
    steps_per_s: dict[tuple[str, str, int], float] = {}
    for where, model, text, speed in rows:
        match = _TYPE.fullmatch(text)
        if match is None:
            raise InputError(f"'{path}', {where}: '{text}' is no job type; it is written ('NAME', GPUS).")
        if not model.endswith(_ACROSS_SERVERS):
            steps_per_s[model, match[1], int(match[2])] = speed
    models = tuple(dict.fromkeys(model for model, _, _ in steps_per_s))
    if not models:
        raise InputError(f"'{path}' has no throughputs.")
    if "cpu" in models:
        raise InputError(f"'{path}' has throughputs of a 'cpu'; Gavel's jobs run on GPUs.")
    return Throughputs(path, models, steps_per_s)


def _csv_rows(path: Path) -> Iterator[tuple[str, str, str, float]]:
    with open_table(path) as table:
        for row in rows_of(table, _COLUMNS):
            speed = row.number(_COLUMNS[2])
            if row.sound:
                yield f"line {row.line}", row.text(_COLUMNS[0]), row.text(_COLUMNS[1]), speed
        table.problems.refuse()


def _json_rows(path: Path) -> Iterator[tuple[str, str, str, float]]:
    with open_lines(path) as lines:
        text = "\n".join(line for _, line in lines)
    try:
        data = json.loads(text, parse_int=float)  # an int of 5,000 digits would raise
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"'{path}' is not valid JSON: {error}.") from error
    for model, types in _table(path, "it", data).items():
        for kind, beside in _table(path, f"'{model}'", types).items():
            where = f"{kind} on {model}"
            speed = _table(path, where, beside).get("null", 0.0)
            if not isinstance(speed, float) or not 0 <= speed < math.inf:
                raise InputError(f"'{path}', {where}: {speed!r} is no number of steps a second.")
            yield where, model, kind, speed


def _table(path: Path, what: str, data: object) -> dict[str, object]:
    if not isinstance(data, dict):
        raise InputError(f"'{path}': {what} must be a table of names, as in Gavel's simulation_throughputs.json.")
    return data
