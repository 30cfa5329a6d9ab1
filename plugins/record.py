"""What is known about a plugin: data that the window and the command show, whether it works or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PluginKind = Literal["scheduler", "estimator", "workload", "storage"]
Source = Literal["built-in", "entry point", "drop-in", "given"]
State = Literal["active", "disabled", "failed", "waiting for trust"]


@dataclass(frozen=True, slots=True)
class Provided:
    """One thing that a plugin brings: a scheduler called ``mct``, say."""

    kind: PluginKind
    name: str
    summary: str


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """One plugin. ``where`` is its file, package or module; ``error`` a sentence and ``traceback`` its origin when it
    failed; a plugin that is not active provides nothing."""

    name: str
    source: Source
    where: str
    state: State
    description: str = ""
    version: str = ""
    error: str = ""
    traceback: str = ""
    provides: tuple[Provided, ...] = ()
