"""Everything that can race, learn, make tasks or store results in this session, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast

from engine.errors import InputError
from engine.estimator import Estimator
from engine.scheduler import Scheduler
from persistence.storage import StoragePlugin
from plugins.discovery import Candidate, built_in, drop_ins, given, installed, only_these, plugins_folder
from plugins.kinds import ALIASES
from plugins.loading import failed, load_plugin
from plugins.record import PluginKind, PluginRecord
from plugins.workload import WorkloadPlugin

_Owned = dict[PluginKind, dict[str, tuple[type, str]]]


@dataclass(frozen=True, slots=True)
class Registry:
    """The loaded plugins. ``aliases`` are further names that users know (``oracle`` is ``mct+true``)."""

    plugins: tuple[PluginRecord, ...]
    schedulers: Mapping[str, type[Scheduler]]
    estimators: Mapping[str, type[Estimator]]
    workloads: Mapping[str, type[WorkloadPlugin]]
    storages: Mapping[str, type[StoragePlugin]]
    aliases: Mapping[str, str]

    def why_absent(self, name: str) -> str:
        """Return why a plugin of this name is not in use, as a sentence to be appended; nothing where there is none."""
        reasons = (
            f" The plugin {r.where} is not in use: {r.error}" for r in self.plugins if r.name == name and r.error
        )
        return next(reasons, "")

    def built_in_schedulers(self) -> tuple[str, ...]:
        """The names of the rules that come with SchedRace, in their order."""
        own = [record for record in self.plugins if record.source == "built-in"]
        return tuple(thing.name for record in own for thing in record.provides if thing.kind == "scheduler")


def load_registry(folder: Path | None = None, plugins: Sequence[object] | None = None) -> Registry:
    """Load every plugin there is: built-in ones, installed ones, and the files of the drop-in folder.

    With ``plugins`` (modules or classes) exactly these beside the built-in ones. Never fails: a plugin that cannot be
    used is a record that says why.
    """
    records: list[PluginRecord] = []
    owned: _Owned = {"scheduler": {}, "estimator": {}, "workload": {}, "storage": {}}
    for candidate in built_in():
        records.append(_admit(candidate, owned))
    if plugins is not None:
        records.extend(_admit(candidate, owned) for candidate in given(plugins))
    else:
        records.extend(_discovered(folder if folder is not None else plugins_folder(), owned))
    things = {kind: {name: thing for name, (thing, _) in by_name.items()} for kind, by_name in owned.items()}
    return Registry(
        plugins=tuple(records),
        schedulers=MappingProxyType(cast(dict[str, type[Scheduler]], things["scheduler"])),
        estimators=MappingProxyType(cast(dict[str, type[Estimator]], things["estimator"])),
        workloads=MappingProxyType(cast(dict[str, type[WorkloadPlugin]], things["workload"])),
        storages=MappingProxyType(cast(dict[str, type[StoragePlugin]], things["storage"])),
        aliases=ALIASES,
    )


def _discovered(folder: Path, owned: _Owned) -> list[PluginRecord]:
    only = only_these()
    found, records = installed(), []
    try:
        found += drop_ins(folder)
    except OSError as error:
        reason = f"The plugins folder {folder} cannot be read: {error.strerror}. Check its permissions."
        records.append(PluginRecord("plugins folder", "drop-in", str(folder), "failed", error=reason))
    for candidate in found:
        if only is not None and candidate.name not in only:
            reason = "SCHEDRACE_LOAD_PLUGINS does not name it."
            records.append(PluginRecord(candidate.name, candidate.source, candidate.where, "disabled", error=reason))
        else:
            records.append(_admit(candidate, owned))
    return records


def _admit(candidate: Candidate, owned: _Owned) -> PluginRecord:
    """Load a plugin and take over what it provides: all of it, or nothing when a name is taken."""
    loaded = load_plugin(candidate)
    seen: set[tuple[PluginKind, str]] = set()
    for thing in loaded.record.provides:
        holder = owned[thing.kind].get(thing.name)
        if holder is not None or (thing.kind, thing.name) in seen:
            owner = holder[1] if holder is not None else candidate.name
            clash = InputError(
                f"It brings a {thing.kind} called '{thing.name}', but '{owner}' has brought one of that name already; "
                "give yours another name."
            )
            return failed(loaded.record, clash)
        seen.add((thing.kind, thing.name))
    for kind, thing_class in loaded.things:
        owned[kind.kind][thing_class.name] = (thing_class, candidate.name)  # type: ignore[attr-defined]
    return loaded.record
