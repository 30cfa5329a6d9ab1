"""The checks themselves: legal, deterministic, never starving, quick; and what estimators and workloads owe."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import numpy as np

from engine.cluster import Cluster
from engine.errors import InputError, SchedRaceError
from engine.estimator import EstimatorContext
from engine.race import Race
from engine.results import SchedulerResult
from engine.spec import SchedulerSpec
from engine.task import Task, TaskColumns
from engine.training import TrainingLog
from engine.watchdog import TooSlowError, Watchdog, call_within
from engine.workload import Workload
from plugins.clusters import load_cluster
from plugins.conformance.cases import Case, cases, synthetic
from plugins.conformance.verdict import Verdict
from plugins.discovery import drop_in
from plugins.lanes import PreparedLane, prepare_lane
from plugins.loading import load_plugin
from plugins.registry import Registry, load_registry
from plugins.workload import WorkloadRequest

_PATIENCE_S = 20.0
_ANSWER_S = 10.0
"""How long one call of the plugin may take."""
_SLOW_S = 0.01
_SEED = 1


def check_file(path: Path) -> list[Verdict]:
    """Load one plugin file and check all that it provides; a file that cannot be loaded is one bad line.

    Raises :class:`InputError` when there is no such file.
    """
    if not path.is_file():
        raise InputError(f"There is no plugin file '{path}'. Check the path.")
    try:
        loaded = call_within(_PATIENCE_S, lambda: load_plugin(drop_in(path)), "Loading it")
    except TooSlowError as error:
        return [Verdict(path.name, "loads", False, str(error))]
    if loaded.record.state != "active":
        return [Verdict(path.name, "loads", False, loaded.record.error)]
    lines = [Verdict(path.name, "loads", True, ", ".join(f"{p.kind} {p.name}" for p in loaded.record.provides))]
    registry = load_registry(plugins=[thing for _, thing in loaded.things])
    clashes = [record for record in registry.plugins if record.source == "given" and record.state == "failed"]
    if clashes:
        return [*lines, *(Verdict(path.name, "has names of its own", False, record.error) for record in clashes)]
    for thing in loaded.record.provides:
        if thing.kind == "scheduler":
            lines += check_scheduler(thing.name, registry)
        elif thing.kind == "estimator":
            lines += check_estimator(thing.name, registry)
        elif thing.kind == "workload":
            lines += check_workload(thing.name, registry)
        else:
            lines.append(Verdict(thing.name, "stores rows", True, f"not tried here: race with --storage {thing.name}"))
    return lines


def check_scheduler(name: str, registry: Registry) -> list[Verdict]:
    """Race a rule (also ``rule+estimator``) through all cases, twice each, until it does not answer once."""
    lane = prepare_lane(SchedulerSpec(name), _SEED, registry)
    lines: list[Verdict] = []
    for case in cases():
        try:
            lines.append(_check_case(lane, case))
        except TooSlowError as error:
            return [*lines, _given_up(lane.label, case.name, error)]
    default = load_cluster("default")
    return [*lines, _check_speed(lane, synthetic(default, 600, divisible=1.0), default)]


def _check_case(lane: PreparedLane, case: Case) -> Verdict:
    try:
        columns = TaskColumns(case.tasks)
        reason = call_within(_ANSWER_S, lambda: lane.rule.declines(columns, case.cluster), "declines()")
        if reason is not None:
            return Verdict(lane.label, case.name, bool(reason.strip()), f"declines: {reason}")
        first, again = (_race(lane, case.tasks, case.cluster) for _ in range(2))
    except TooSlowError:
        raise
    except Exception as error:
        return Verdict(lane.label, case.name, False, _said(error))
    if wrong := _wrong(first):
        return Verdict(lane.label, case.name, False, wrong)
    if first.digest != again.digest:
        return Verdict(
            lane.label, case.name, False, "two races with the same seed differ; draw all randomness from self.rng"
        )
    return Verdict(lane.label, case.name, True, f"{first.tasks} tasks, the same twice")


def _check_speed(lane: PreparedLane, tasks: Workload, cluster: Cluster) -> Verdict:
    what = "time for a placement"
    try:
        if lane.rule.declines(TaskColumns(tasks), cluster) is not None:
            return Verdict(lane.label, what, True, "not measured: declines the default workload")
        began = time.perf_counter()
        result = _race(lane, tasks, cluster)
    except Exception as error:
        return Verdict(lane.label, what, False, _said(error))
    each_s = (time.perf_counter() - began) / len(tasks)
    if wrong := _wrong(result):
        return Verdict(lane.label, what, False, wrong)
    return Verdict(lane.label, what, each_s < _SLOW_S, f"{each_s * 1e6:.0f} µs a task")


def _wrong(row: SchedulerResult) -> str | None:
    """Return why a race counts as failed: its lane did not come to the end, or its learner's last fit was of no use (a
    race goes on without it, on the nominal times)."""
    if row.status != "finished":
        return f"{row.status}: {row.reason}"
    return (row.learning or {}).get("problem")


def _race(lane: PreparedLane, tasks: Workload, cluster: Cluster) -> SchedulerResult:
    race = Race(tasks, cluster, [lane.build(_ANSWER_S)])
    give_up = time.perf_counter() + _PATIENCE_S
    try:
        with Watchdog(_ANSWER_S, cancelled=lambda: time.perf_counter() > give_up) as race.watchdog:
            while race.advance(math.inf, 200) and time.perf_counter() < give_up:
                pass
        result = race.result()
        (row,) = result.rows
        if row.status in ("running", "stopped"):
            raise TooSlowError(f"{len(tasks)} tasks took more than {_PATIENCE_S:.0f} s; make place() quicker.")
        if not result.reproducible:
            raise TooSlowError(f"{row.reason}.")
        return row
    finally:
        race.close()


def check_estimator(name: str, registry: Registry) -> list[Verdict]:
    """Ask an estimator for seconds, and let it guide ``mct`` through all cases."""
    lines: list[Verdict] = []
    for case in cases():
        try:
            lines.append(_check_seconds(name, registry, case))
        except TooSlowError as error:
            return [*lines, _given_up(name, f"seconds: {case.name}", error)]
    return [*lines, *check_scheduler(f"mct+{name}", registry)]


def _check_seconds(name: str, registry: Registry, case: Case) -> Verdict:
    what = f"seconds: {case.name}"
    tasks, columns = case.tasks, TaskColumns(case.tasks)
    context = EstimatorContext(
        models=tasks.models,
        nominal_s=tasks.etc_s,
        features=tasks.features,
        feature_names=tasks.feature_names,
        window=TrainingLog(tasks.features),
        seed=_SEED,
    )

    def ask() -> None:
        estimator = registry.estimators[name](context)
        try:
            for index in range(len(tasks)):
                _check_answer(estimator.seconds(Task(index, columns)), tasks, index)
        finally:
            estimator.close()

    try:
        call_within(_ANSWER_S, ask, "seconds() for all tasks")
    except TooSlowError:
        raise
    except Exception as error:
        return Verdict(name, what, False, _said(error))
    return Verdict(name, what, True, f"{len(tasks)} tasks x {len(tasks.models)} models")


def _check_answer(seconds: Iterable[float], tasks: Workload, index: int) -> None:
    answer = list(seconds)
    if len(answer) != len(tasks.models):
        raise InputError(f"seconds() returned {len(answer)} values for {len(tasks.models)} device models.")
    for value, nominal_s, model in zip(answer, tasks.etc_s[index].tolist(), tasks.models, strict=True):
        if not value > 0:
            raise InputError(f"seconds() returned {value} for {model}; it must be above 0.")
        if math.isinf(value) != math.isinf(nominal_s):
            raise InputError(f"seconds() returned {value} for {model}, where the nominal time is {nominal_s}.")


def check_workload(name: str, registry: Registry) -> list[Verdict]:
    """Draw a generator's tasks twice and race ``mct`` on them; readers of files are checked by racing on a file."""
    plugin = registry.workloads[name]
    if plugin.reads_files:
        return [Verdict(name, "reads files", True, f"not read here: race it on one, --workload {name}:FILE")]
    request = WorkloadRequest(load_cluster("default"), seed=_SEED, tasks=100, load=0.8)
    try:
        tasks, again = (call_within(_PATIENCE_S, lambda: plugin().load(request), "load()") for _ in range(2))
        differs = _difference(tasks, again)
        result = _race(prepare_lane(SchedulerSpec("mct"), _SEED, registry), tasks, request.cluster)
    except Exception as error:
        return [Verdict(name, "makes tasks", False, _said(error))]
    return [
        Verdict(name, "makes tasks", True, f"{len(tasks)} tasks when asked for 100"),
        Verdict(name, "same seed, same tasks", not differs, f"column {differs} differs" if differs else ""),
        Verdict(name, "can be raced on", result.status == "finished", result.reason or ""),
    ]


def _difference(first: Workload, second: Workload) -> str:
    """Return the first column in which two workloads differ, or nothing."""
    for column in fields(first):
        a, b = getattr(first, column.name), getattr(second, column.name)
        same = np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        if not same:
            return column.name
    return ""


def _given_up(subject: str, check: str, error: TooSlowError) -> Verdict:
    return Verdict(subject, check, False, f"{error} It was not tried any further.")


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, SchedRaceError) else f"{type(error).__name__}: {error}"
