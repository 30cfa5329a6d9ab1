"""From a :class:`RaceSpec` to a race that can start: every name resolved, every parameter and task checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.cluster import Cluster
from engine.drift import drifted
from engine.errors import InputError
from engine.race import Race
from engine.spec import RaceSpec, SchedulerSpec
from engine.task import TaskColumns
from engine.watchdog import LIMIT_S, TooSlowError, call_within
from engine.workload import Workload
from persistence.history_file import StoredHistory, read_history
from plugins.choosing import load_workload
from plugins.clusters import load_cluster
from plugins.fitting import check_fits
from plugins.lanes import PreparedLane, prepare_lane
from plugins.registry import Registry
from plugins.workload import Progress, unwatched

ALL = "all"
_ALIASES_IN_ALL = ("hybrid_ml", "oracle")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedRace:
    """A race that can start. ``spec`` lists the lanes that race ('all' is resolved); ``notes`` are sentences for the
    user: what a reader of files assumed, and who was left out. ``warm_start`` is what learners start from."""

    spec: RaceSpec
    workload: Workload
    cluster: Cluster
    lanes: tuple[PreparedLane, ...]
    notes: tuple[str, ...]
    warm_start: StoredHistory | None = None

    def race(self) -> Race:
        """Return a new race of these lanes, with fresh schedulers."""
        return Race(self.workload, self.cluster, [lane.build() for lane in self.lanes], self.spec.weights)


def prepare(spec: RaceSpec, registry: Registry, progress: Progress = unwatched) -> PreparedRace:
    """Check the whole spec and load its tasks; nothing has been started when :class:`InputError` says what is wrong.

    ``progress`` is told how far the reading of a file is, and ends it by raising :class:`engine.errors.Cancelled`.

    A scheduler called ``all`` stands for every built-in one that can serve the workload; the notes name the others.
    """
    if any(asked.name == ALL and (asked.params or asked.label) for asked in spec.schedulers):
        raise InputError("'all' takes neither parameters nor a label; name the scheduler that they are for.")
    wanted = [(lane, lane.name != ALL) for lane in spec.schedulers if lane.name != ALL]
    named = {lane.shown for lane, _ in wanted}
    if any(lane.name == ALL for lane in spec.schedulers):
        wanted += [(lane, False) for lane in _all(registry) if lane.shown not in named]
    stored = read_history(Path(spec.warm_start)) if spec.warm_start else None
    history = stored.history if stored is not None else None
    lanes = [(lane, replace(prepare_lane(lane, spec.seed, registry), history=history), must) for lane, must in wanted]
    cluster = load_cluster(spec.cluster)
    tasks = load_workload(spec, cluster, registry, progress)
    check_fits(tasks, cluster)
    if stored is not None:
        stored.check_goes_with(tasks, cluster)
    cluster = drifted(cluster, spec.drift, tasks.arrival_s)  # the load is that of the speeds at the start
    columns = TaskColumns(tasks)
    racing, notes = [], [*tasks.notes, *_all_at_once(spec, tasks)]
    for lane_spec, lane, must in lanes:
        reason = _declined(lane, tasks, columns, cluster)
        if reason is None:
            lane.build()  # a constructor that fails shall fail now
            racing.append((lane_spec, lane))
        elif must:
            raise InputError(f"Scheduler '{lane.label}' cannot serve this race: {reason}")
        else:
            notes.append(f"{lane.label} was left out: {reason}")
    if history is not None and not any(lane.learns for _, lane in racing):
        notes.append("Nobody in this race learns, so the warm start has no effect.")
    resolved = replace(spec, schedulers=tuple(lane_spec for lane_spec, _ in racing))
    return PreparedRace(resolved, tasks, cluster, tuple(lane for _, lane in racing), tuple(notes), stored)


def expand_all(spec: RaceSpec, registry: Registry) -> tuple[SchedulerSpec, ...]:
    """Return the lanes of ``--schedulers all``: every built-in that can serve the spec's workload, with the parameters
    that the spec gives to lanes of the same name."""
    given = {lane.shown: lane for lane in spec.schedulers if lane.name != ALL}
    return tuple(
        given.get(lane.shown, lane)
        for lane in prepare(replace(spec, schedulers=(SchedulerSpec(ALL),)), registry).spec.schedulers
    )


def _all_at_once(spec: RaceSpec, tasks: Workload) -> list[str]:
    """Return a note where the share of the arrivals after which a drift begins means nothing."""
    if not spec.drift or tasks.arrival_s.min() < tasks.arrival_s.max():
        return []
    return ["All tasks arrive at once, so what drifts does so from the start."]


def _all(registry: Registry) -> list[SchedulerSpec]:
    return [SchedulerSpec(name) for name in (*registry.built_in_schedulers(), *_ALIASES_IN_ALL)]


def _declined(lane: PreparedLane, tasks: Workload, columns: TaskColumns, cluster: Cluster) -> str | None:
    """Return the sentence with which a lane declines the workload, or None."""
    if lane.estimator == "law" and tasks.law_s is None:
        return f"workload '{tasks.name}' does not know the law behind its times; use +true or +nominal."
    try:
        return call_within(LIMIT_S, lambda: lane.rule.declines(columns, cluster), "its declines()")
    except TooSlowError as error:
        return str(error)
    except (Exception, SystemExit) as error:
        return f"its own check failed with {type(error).__name__}: {error}."
