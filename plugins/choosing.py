"""Which workload a race means, ``NAME``, ``FILE`` or ``NAME:FILE``, and its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.cluster import Cluster
from engine.errors import InputError, SchedRaceError, did_you_mean
from engine.params import build
from engine.spec import RaceSpec
from engine.workload import Workload
from plugins.registry import Registry
from plugins.workload import Progress, WorkloadPlugin, WorkloadRequest, unwatched

_HEAD = 4096


@dataclass(frozen=True, slots=True)
class ChosenWorkload:
    """A workload plugin and the file that it shall read (None: it makes its tasks itself)."""

    plugin: type[WorkloadPlugin]
    path: Path | None


def choose_workload(text: str, registry: Registry) -> ChosenWorkload:
    """Return what the user's text means; a file without a name goes to the one plugin that recognises its header.

    Raises :class:`InputError` when nothing or more than one thing is meant.
    """
    workloads = registry.workloads
    if text in workloads:
        if workloads[text].reads_files:
            raise InputError(f"The workload '{text}' reads a file; write {text}:FILE.")
        return ChosenWorkload(workloads[text], None)
    path = Path(text).expanduser()
    if path.is_file():
        return ChosenWorkload(_recognised(path, workloads), path)
    name, colon, file = text.partition(":")
    # the first part of C:\tasks.csv is a drive, not a name
    if colon and file and name in workloads:
        return _named(name, Path(file).expanduser(), workloads)
    if colon and Path(file).expanduser().is_file():
        raise InputError(f"There is no workload '{name}' to read '{file}'.{did_you_mean(name, workloads)}")
    if path.is_dir():
        raise InputError(f"'{text}' is a folder; name the workload file in it.")
    if path.suffix or len(path.parts) > 1:
        raise InputError(f"There is no workload file '{text}'. Check the path.")
    why = registry.why_absent(text) or did_you_mean(text, workloads)
    raise InputError(f"There is no workload '{text}', and no such file.{why}")


def _named(name: str, path: Path, workloads: Mapping[str, type[WorkloadPlugin]]) -> ChosenWorkload:
    if not workloads[name].reads_files:
        raise InputError(f"The workload '{name}' makes its own tasks and reads no file; write {name} alone.")
    if not path.is_file():
        raise InputError(f"There is no workload file '{path}'. Check the path.")
    return ChosenWorkload(workloads[name], path)


def _recognised(path: Path, workloads: Mapping[str, type[WorkloadPlugin]]) -> type[WorkloadPlugin]:
    head = _head(path)
    if not head:
        raise InputError(f"The workload file '{path}' is empty.")
    names = [name for name, plugin in workloads.items() if _asked(plugin, path, head)]
    if len(names) > 1:
        both = " or ".join(f"{name}:{path}" for name in names)
        raise InputError(f"{' and '.join(names)} both recognise '{path}'; say which one reads it: {both}.")
    if names:
        return workloads[names[0]]
    readers = ", ".join(name for name, plugin in workloads.items() if plugin.reads_files)
    raise InputError(
        f"No workload recognises the file '{path}' by its header. Readers there are: {readers}; "
        "NAME:FILE tries one and says what is wrong. A workload CSV needs arrival_s and actual_<model>_s columns."
    )


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            return stream.read(_HEAD)
    except OSError as error:
        raise InputError(f"The workload file '{path}' cannot be read: {error.strerror}.") from error


def _asked(plugin: type[WorkloadPlugin], path: Path, head: str) -> bool:
    try:
        return bool(plugin.recognises(path, head))
    except (Exception, SystemExit) as error:
        raise InputError(
            f"The workload plugin '{plugin.name}' failed while looking at '{path}': {type(error).__name__}: {error}. "
            "Take the plugin away, or name the one that shall read it: NAME:FILE."
        ) from error


def cluster_for(text: str, registry: Registry) -> str | None:
    """Return the cluster that the tasks of a workload file belong on, None where the file does not say.

    Raises :class:`InputError` as :func:`choose_workload`.
    """
    chosen = choose_workload(text, registry)
    return None if chosen.path is None else chosen.plugin.cluster_of(chosen.path, _head(chosen.path))


def load_workload(spec: RaceSpec, cluster: Cluster, registry: Registry, progress: Progress = unwatched) -> Workload:
    """Return the tasks of a race. Raises :class:`InputError` with what is wrong in its name, parameters or file."""
    chosen = choose_workload(spec.workload, registry)
    name = chosen.plugin.name
    params = build(chosen.plugin.Params, name, spec.workload_params)
    request = WorkloadRequest(cluster, spec.seed, spec.tasks, spec.load, chosen.path, progress)
    try:
        tasks = chosen.plugin(params).load(request)
    except SchedRaceError:
        raise
    except OSError as error:
        raise InputError(f"Workload '{name}': '{error.filename}' cannot be read: {error.strerror}.") from error
    except (Exception, SystemExit) as error:
        raise InputError(f"The workload '{name}' failed: {type(error).__name__}: {error}.") from error
    if not isinstance(tasks, Workload):
        raise InputError(f"The workload '{name}' returned {type(tasks).__name__}; it must return a Workload.")
    return tasks
