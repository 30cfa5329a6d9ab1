"""From the options of ``schedrace race`` to the :class:`RaceSpec` that they mean."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.race_file import WEIGHTS, anchored, read_race
from engine.drift import Drift
from engine.errors import InputError, did_you_mean
from engine.spec import RaceSpec, SchedulerSpec
from engine.weights import Weights

if TYPE_CHECKING:
    from persistence.settings import StorageSettings
    from plugins.registry import Registry


def spec_from(options: argparse.Namespace, registry: Registry, storage: StorageSettings | None) -> RaceSpec:
    """Return the spec of the race file (or the default), changed by the options. Raises :class:`InputError`.

    ``storage`` is where a recorded run that the race starts warm from is read.

    A workload that is named without a cluster races on the one that its file says, if it does.
    """
    from plugins.choosing import choose_workload, cluster_for

    spec = read_race(options.file) if options.file else RaceSpec()
    changes: dict[str, object] = {
        name: value for name in ("seed", "tasks", "load") if (value := getattr(options, name)) is not None
    }
    if options.workload is not None:
        # the parameters in the file were those of its own workload
        changes |= {"workload": anchored(options.workload, Path.cwd()), "workload_params": {}}
        own_cluster = cluster_for(str(changes["workload"]), registry)
        if own_cluster is not None:
            changes["cluster"] = own_cluster
    if options.cluster is not None:
        changes["cluster"] = anchored(options.cluster, Path.cwd())
    if options.weights is not None:
        changes["weights"] = parse_weights(options.weights, spec.weights)
    if options.warm_start is not None:
        from app.warm_start import file_for

        changes["warm_start"] = file_for(options.warm_start, replace(spec, **changes), storage)  # type: ignore[arg-type]
    if options.drift:
        changes["drift"] = tuple(parse_drift(text) for text in options.drift)
    spec = replace(spec, **changes)  # type: ignore[arg-type]
    settings = [parse_param(text) for text in options.param]
    workload = choose_workload(spec.workload, registry).plugin.name if settings else ""
    if options.schedulers is not None:
        # which policies can serve the tasks may hang on the parameters of the workload
        own = {s.key: s.value for s in settings if s.owner == workload}
        tried = replace(spec, workload_params={**spec.workload_params, **own})
        spec = replace(spec, schedulers=_lanes(options.schedulers, tried, registry, bool(settings)))
    return with_params(spec, settings, registry.aliases, workload)


def parse_weights(text: str, given: Weights) -> Weights:
    """Read ``time=1,energy=0.001,cost=0``; a weight that is not named stays as given."""
    values: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        if name not in WEIGHTS or name in values:
            wrong = (
                f"names '{name}' twice" if name in values else f"has '{name}', which is none of {', '.join(WEIGHTS)}"
            )
            raise InputError(f"--weights {wrong}; write --weights time=1,energy=0.001,cost=0.")
        try:
            values[name] = float(number)
        except ValueError:
            raise InputError(f"--weights {name}='{number}' is not a number.") from None
    return replace(given, **values)


def parse_drift(text: str) -> Drift:
    """Read ``DEVICES@SHARE=FACTOR``."""
    place, equals, factor = text.rpartition("=")
    devices, at, share = place.rpartition("@")
    try:
        if not (equals and at):
            raise ValueError(text)
        return Drift(devices, float(share), float(factor))
    except ValueError:
        raise InputError(
            f"'{text}' is not a drift; write --drift DEVICES@SHARE=FACTOR, as in gpu@0.5=0.5: after half of the time "
            "in which tasks arrive all GPUs become half as fast."
        ) from None


@dataclass(frozen=True, slots=True)
class Setting:
    """One ``--param``: ``owner`` is a scheduler, an estimator or the workload."""

    owner: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"--param {self.owner}.{self.key}={self.value}"


def parse_param(text: str) -> Setting:
    """Read ``NAME.KEY=VALUE``."""
    target, equals, value = text.partition("=")
    owner, dot, key = target.rpartition(".")
    if not (equals and dot and owner and key.isidentifier()):
        raise InputError(f"'{text}' is not a parameter; write --param NAME.KEY=VALUE, as in mct+forest.interval=25.")
    return Setting(owner, key, value)


def with_params(spec: RaceSpec, settings: Sequence[Setting], aliases: Mapping[str, str], workload: str) -> RaceSpec:
    """Return the spec with each setting given to the lanes, or to the workload (by its plugin's name), that its owner
    names.

    A scheduler is named as in the list or by its label, its rule alone or its estimator alone; the last two name every
    lane that has them.
    """
    for setting in settings:
        value = {setting.key: setting.value}
        lanes = tuple(
            replace(lane, params={**lane.params, **value}) if setting.owner in _names(lane, aliases) else lane
            for lane in spec.schedulers
        )
        if lanes != spec.schedulers:
            spec = replace(spec, schedulers=lanes)
        elif setting.owner == workload:
            spec = replace(spec, workload_params={**spec.workload_params, **value})
        elif not any(setting.owner in _names(lane, aliases) for lane in spec.schedulers):
            known = {name for lane in spec.schedulers for name in _names(lane, aliases)} | {workload}
            raise InputError(
                f"'{setting}': nothing in this race is called '{setting.owner}'.{did_you_mean(setting.owner, known)}"
            )
    return spec


def _names(lane: SchedulerSpec, aliases: Mapping[str, str]) -> set[str]:
    rule, _, estimator = aliases.get(lane.name, lane.name).partition("+")
    return {lane.shown, lane.name, rule, estimator} - {""}


def _lanes(text: str, spec: RaceSpec, registry: Registry, with_settings: bool) -> tuple[SchedulerSpec, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        if not with_settings:
            return (SchedulerSpec("all"),)
        from plugins.assemble import expand_all

        return expand_all(spec, registry)  # loads the tasks once more, but a parameter needs a lane to go to
    if "all" in names:
        raise InputError("'all' stands for every scheduler; name it alone, or list the schedulers that you want.")
    if not names:
        raise InputError("--schedulers names none; list some, as in --schedulers round_robin,mct,oracle.")
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"--schedulers names '{name}' twice; list it once. A race file can race one policy several times, with "
                "other parameters under a label each."
            )
    given = {lane.name: lane for lane in spec.schedulers}
    # a lane that the race file describes keeps its parameters
    return tuple(given.get(name, SchedulerSpec(name)) for name in names)
