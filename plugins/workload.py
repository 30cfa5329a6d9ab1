"""The contract of workload plugins: they make tasks, or read them from a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from engine.cluster import Cluster
from engine.scheduler import NoParams
from engine.workload import Workload

Progress = Callable[[float], None]
"""Told which share (0..1) of a long job is done. Raises :class:`engine.errors.Cancelled` when the user wants it to end,
which must pass through."""


def unwatched(share: float) -> None:
    """A :data:`Progress` that nobody watches."""


@dataclass(frozen=True, slots=True)
class WorkloadRequest:
    """What a race asks of a workload. ``tasks`` and ``load`` None: as the workload itself says.

    ``path`` is the file to read, None for a generator; ``cluster`` is what ``load`` refers to; all randomness must come
    from ``seed``; a reader of files calls ``progress`` now and then.
    """

    cluster: Cluster
    seed: int
    tasks: int | None = None
    load: float | None = None
    path: Path | None = None
    progress: Progress = unwatched


class WorkloadPlugin:
    """A source of tasks. Subclass it, give it a ``name``, and write :meth:`load`; readers of files also write
    :meth:`recognises`.

    ``load`` may be called from any thread, once for each race; it must not keep state between calls.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    """One sentence for the list of workloads."""
    explanation: ClassVar[str] = ""
    """The tooltip: what the tasks are, and where their figures come from."""
    Params: ClassVar[type] = NoParams
    reads_files: ClassVar[bool] = False
    """Whether it needs a file (``NAME:FILE``) rather than making its own tasks."""

    def __init__(self, params: Any = None) -> None:
        self.params: Any = self.Params() if params is None else params

    def load(self, request: WorkloadRequest) -> Workload:
        """Return the tasks. Raise :class:`engine.errors.InputError` with a sentence when they cannot be had."""
        raise NotImplementedError

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether this plugin reads the file, judged by its name and its first 4096 characters."""
        return False

    @classmethod
    def cluster_of(cls, path: Path, head: str) -> str | None:
        """Return the cluster (a preset, ``processors:N`` or ``machines:N``) that the tasks of the file belong on, None
        when any will do. It is used where the user names none."""
        return None
