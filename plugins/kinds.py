"""The four kinds of things that a plugin can provide, and what is checked of each before it may race."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from engine.errors import InputError
from engine.estimator import Estimator
from engine.params import build, declared
from engine.scheduler import Scheduler
from persistence.storage import StoragePlugin
from plugins.record import PluginKind
from plugins.workload import WorkloadPlugin

ALIASES: Mapping[str, str] = MappingProxyType({"oracle": "mct+true", "greedy": "met", "hybrid_ml": "congestion+forest"})
ENGINE_ESTIMATORS = ("nominal", "law", "true")
_OWN_KEYS = ("name", "label")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class KindOfPlugin:
    """A kind: its hook, the class that its things are subclasses of, the methods that each must write, and the names
    that are taken."""

    kind: PluginKind
    hook: str
    base: type
    methods: tuple[str, ...]
    reserved: tuple[str, ...] = ()


KINDS: tuple[KindOfPlugin, ...] = (
    KindOfPlugin("scheduler", "schedrace_schedulers", Scheduler, ("place",), ("all", *ALIASES)),
    KindOfPlugin("estimator", "schedrace_estimators", Estimator, ("seconds",), ENGINE_ESTIMATORS),
    KindOfPlugin("workload", "schedrace_workloads", WorkloadPlugin, ("load",)),
    KindOfPlugin(
        "storage",
        "schedrace_storages",
        StoragePlugin,
        ("connect", "offsets", "begin", "take", "finish"),
        ("auto", "none"),
    ),
)


def kind_of(thing: type) -> KindOfPlugin | None:
    """Return the kind whose base class ``thing`` is a subclass of, or None (also for the base classes themselves)."""
    return next((k for k in KINDS if issubclass(thing, k.base) and thing is not k.base), None)


def check_thing(kind: KindOfPlugin, thing: Any) -> None:
    """Raise :class:`InputError` with the class and the reason when ``thing`` is not a usable one of its kind."""
    if not (isinstance(thing, type) and kind_of(thing) is kind):
        raise InputError(f"{kind.hook} returned {thing!r}; it must return subclasses of {kind.base.__name__}.")
    name = getattr(thing, "name", None)
    if not isinstance(name, str):
        raise InputError(f'Class {thing.__name__} has no name; write  name = "my_{kind.kind}"  in it.')
    if not _NAME.fullmatch(name):
        raise InputError(
            f"Class {thing.__name__} has the name {name!r}; a name is small letters, digits and _, a letter first."
        )
    if name in kind.reserved:
        raise InputError(
            f"The {kind.kind} name '{name}' (class {thing.__name__}) is taken by SchedRace; choose another."
        )
    for method in kind.methods:
        if getattr(thing, method) is getattr(kind.base, method):
            raise InputError(f"The {kind.kind} '{name}' (class {thing.__name__}) has no method '{method}'.")
    if kind.kind != "storage":
        _check_params(name, getattr(thing, "Params", None))


def _check_params(owner: str, params: Any) -> None:
    if not (isinstance(params, type) and dataclasses.is_dataclass(params)):
        raise InputError(
            f"'{owner}' declares Params that are no dataclass; write  @dataclass(frozen=True)  above them."
        )
    if not getattr(params, "__dataclass_params__").frozen:  # noqa: B009 - mypy knows no such attribute
        raise InputError(f"The Params of '{owner}' can be changed; write  @dataclass(frozen=True)  above them.")
    for field in dataclasses.fields(params):
        if field.name in _OWN_KEYS:
            raise InputError(f"'{owner}' declares a parameter '{field.name}', which race files use; call it otherwise.")
        if field.default is dataclasses.MISSING or "help" not in field.metadata:
            raise InputError(
                f"Parameter '{field.name}' of '{owner}' is not declared with engine.params.parameter(default, help)."
            )
    for parameter in declared(params):
        if parameter.kind not in (int, float, bool, str):
            raise InputError(f"Parameter '{parameter.name}' of '{owner}' must be an int, a float, a bool or a str.")
    build(params, owner, {p.name: p.default for p in declared(params)})
