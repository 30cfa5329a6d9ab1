"""Every hook of SchedRace, in one file. Each plugin is asked alone and once, when the registry is loaded.

A plugin is a module that implements one or more of these hooks::

    from plugins.hookspecs import hookimpl

    @hookimpl
    def schedrace_schedulers():
        return [MyPolicy]

A file in the plugins folder needs no hook: the classes that it defines are found by themselves. The long form, with a
runnable example for each, is resources/help/plugins.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from engine.estimator import Estimator
    from engine.scheduler import Scheduler
    from persistence.storage import StoragePlugin
    from plugins.workload import WorkloadPlugin

PROJECT = "schedrace"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def schedrace_schedulers() -> list[type[Scheduler]]:  # type: ignore[empty-body]
    """Return policies that can race: subclasses of :class:`engine.scheduler.Scheduler`."""


@hookspec
def schedrace_estimators() -> list[type[Estimator]]:  # type: ignore[empty-body]
    """Return learners that answer 'how many seconds?': subclasses of :class:`engine.estimator.Estimator`."""


@hookspec
def schedrace_workloads() -> list[type[WorkloadPlugin]]:  # type: ignore[empty-body]
    """Return sources of tasks, generators or readers: subclasses of :class:`plugins.workload.WorkloadPlugin`."""


@hookspec
def schedrace_storages() -> list[type[StoragePlugin]]:  # type: ignore[empty-body]
    """Return places that results go to: subclasses of :class:`persistence.storage.StoragePlugin`."""
