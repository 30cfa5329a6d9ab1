"""Runs cases: through the same doors as any race, never a special path."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from app.verify.case import Case, Row
from app.verify.figures import figures_of
from app.verify.formula import value_of
from engine.errors import Cancelled, InputError, SchedRaceError
from engine.race import Race
from engine.spec import RaceSpec, SchedulerSpec
from engine.watchdog import Watchdog
from plugins.assemble import prepare
from plugins.registry import Registry
from plugins.workload import Progress, unwatched

Verdict = Literal["pass", "fail", "no data"]
CONFIDENCE = 0.99
_EVENTS = 5000
_SAME_SECOND_S = 1e-6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case. ``got`` None: there was no result, ``reason`` says why; ``tolerance`` is the half width of
    the interval where the case has replications; ``seconds`` of wall time."""

    case: Case
    status: Verdict
    got: float | None
    tolerance: float
    reason: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON object of ``schedrace verify --json``."""
        case = self.case
        return {
            "id": case.id,
            "title": case.title,
            "source": case.source,
            "expected": case.expected,
            "got": self.got,
            "tolerance": self.tolerance,
            "status": self.status,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }


class NoData(SchedRaceError):
    """The file that a case needs is not in the data folder."""


class DataFolder:
    """Finds the files of cases anywhere below a folder (None: nowhere)."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @cached_property
    def _paths(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for where, folders, names in os.walk(self._folder) if self._folder else ():
            folders.sort()
            for name in names:
                found.setdefault(name, Path(where) / name)
        return found

    def workload(self, case: Case) -> str:
        """Return the case's workload with its FILE as a path; raise :class:`NoData` when it is not there."""
        reader, colon, file = case.workload.rpartition(":")
        if not (colon or Path(file).suffix) or Path(file).is_absolute():  # a generator, or found beside the case
            return case.workload
        path = self._paths.get(Path(file).name)
        if path is None:
            below = f"below '{self._folder}'" if self._folder else "known: name its folder with --data"
            raise NoData(f"'{file}' is not {below}. {case.data_from}".strip())
        return f"{reader}{colon}{path}"


def run_cases(
    cases: Sequence[Case], data: Path | None, registry: Registry, progress: Progress = unwatched
) -> Iterator[Outcome]:
    """Run the cases one by one and yield each outcome as it comes.

    ``progress`` is called now and then with the share of the present case's races that are done, and ends everything by
    raising :class:`engine.errors.Cancelled`.
    """
    folder = DataFolder(data)
    for case in cases:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="schedrace-verify-") as own:
            try:
                outcome = _run(case, folder, Path(own), registry, progress)
            except Cancelled:
                raise
            except NoData as error:
                outcome = Outcome(case, "no data", None, case.tolerance, str(error), 0.0)
            except SchedRaceError as error:
                outcome = Outcome(case, "fail", None, case.tolerance, str(error), 0.0)
        yield replace(outcome, seconds=time.perf_counter() - began)


def _run(case: Case, data: DataFolder, own: Path, registry: Registry, progress: Progress) -> Outcome:
    specs = _specs(case, _workload(case, data, own), _cluster(case, own))
    values = []
    for number, spec in enumerate(specs):
        race = _raced(spec, registry, partial(progress, number / len(specs)))
        result = race.result()
        (row,) = result.rows
        if row.status != "finished":
            raise InputError(f"{case.scheduler} was disqualified: {row.reason}")
        if case.schedule:
            difference = _difference(race, case.schedule)
            if difference:
                return Outcome(case, "fail", None, case.tolerance, difference, 0.0)
        values.append(value_of(case.metric, figures_of(race, result)))
    return _judged(case, values)


def _workload(case: Case, data: DataFolder, own: Path) -> str:
    if not case.csv:
        return data.workload(case)
    path = own / "tasks.csv"
    path.write_text(case.csv, encoding="utf-8")
    return f"csv_file:{path}"


def _cluster(case: Case, own: Path) -> str:
    if case.devices is None:
        return case.cluster
    import tomli_w

    path = own / "cluster.toml"
    path.write_text(tomli_w.dumps({"name": case.id, **case.devices}), encoding="utf-8")
    return str(path)


def _specs(case: Case, workload: str, cluster: str) -> list[RaceSpec]:
    spec = RaceSpec(
        workload=workload,
        workload_params=case.workload_params,
        cluster=cluster,
        schedulers=(SchedulerSpec(case.scheduler, case.params),),
        seed=case.seed,
        tasks=case.tasks,
        load=case.load,
    )
    if case.windows:
        return [replace(spec, workload_params={**case.workload_params, "skip": skip}) for skip in case.windows]
    return [replace(spec, seed=case.seed + number) for number in range(case.replications)]


def _raced(spec: RaceSpec, registry: Registry, go_on: Callable[[], None]) -> Race:
    race = prepare(spec, registry, lambda _: go_on()).race()
    try:
        with Watchdog() as race.watchdog:
            go_on()
            while race.advance(events=_EVENTS):
                go_on()
    finally:
        race.close()
    return race


def _difference(race: Race, expected: Sequence[Row]) -> str:
    """Return the first line of the schedule that came out otherwise, as a sentence; empty when all are as published."""
    devices = [device.id for device in race.cluster.devices]
    names = race.workload.names or [str(i) for i in range(len(race.workload))]
    (done,) = (lane.simulation for lane in race.lanes)
    parts = done.ledger.parts()
    got = {
        names[task]: (devices[device], start_s, finish_s)
        for task, device, start_s, finish_s in zip(
            parts.task.tolist(), parts.device.tolist(), parts.start_s.tolist(), parts.end_s.tolist(), strict=True
        )
    }
    for task, device, start_s, finish_s in expected:
        if task not in got:
            return f"The schedule has a task {task}, which this workload has not."
        where, began_s, ended_s = got[task]
        late_s = max(abs(began_s - start_s), abs(ended_s - finish_s))
        if where != device or late_s > _SAME_SECOND_S:
            return (
                f"Task {task} ran on {where} from {began_s:g} to {ended_s:g} s; "
                f"published is {device} from {start_s:g} to {finish_s:g} s."
            )
    return ""


def _judged(case: Case, values: Sequence[float]) -> Outcome:
    got = statistics.fmean(values)
    tolerance = case.tolerance if case.replications == 1 else _half_width(values)
    agrees = math.isfinite(got) and abs(got - case.expected) <= tolerance
    reason = "" if agrees else f"{got:.10g} is {abs(got - case.expected):.3g} away from {case.expected:.10g}."
    return Outcome(case, "pass" if agrees else "fail", got, tolerance, reason, 0.0)


def _half_width(values: Sequence[float]) -> float:
    """Return half of Student's 99 % interval of the mean of independent replications."""
    from scipy.stats import t

    spread = statistics.stdev(values) / math.sqrt(len(values))
    return float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * spread
