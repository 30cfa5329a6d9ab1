"""Tiled factorisations of a matrix: what their task graphs share.

Times: StarPU's published sampling of machine sirocco (Intel Xeon E5-2680 cores and NVIDIA K40m, single precision, tiles
of 960 x 960; starpu-runtime/starpu, tools/perfmodels/sampling/codelets/45). Those of the GPU are the mean over its four
GPUs, weighted by their samples. A CPU device is one core.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.params import parameter
from engine.workload import Workload, workload
from plugins.workload import WorkloadPlugin, WorkloadRequest

TILE = 960
TILE_GB = TILE * TILE * 4 / 1e9

Key = tuple[str, int, int, int]
"""A task: kernel, step, row, column."""
Tile = tuple[int, int]
Step = tuple[Key, Tile, tuple[Tile, ...]]
"""A task, the tile that it writes, and those that it reads beside it."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Milliseconds on one core and on one GPU, multiply-adds in units of TILE^3, and the tiles that it holds."""

    cpu_ms: float
    gpu_ms: float
    work: float
    tiles: int


@dataclass(frozen=True)
class TiledParams:
    """The size of the matrix."""

    tiles: int = parameter(
        12, "Tiles along a side of the matrix; 12 make 364 tasks of cholesky, 650 of lu", low=1, high=64
    )


class Factorisation(WorkloadPlugin):
    """One factorisation; all its tasks arrive at once."""

    Params = TiledParams
    kernels: ClassVar[Mapping[str, Kernel]]

    @staticmethod
    def task_count(tiles: int) -> int:
        """Return the number of tasks for a matrix of ``tiles`` x ``tiles``."""
        raise NotImplementedError

    @staticmethod
    def steps(tiles: int) -> Iterable[Step]:
        """Yield the tasks in the order of the sequential algorithm."""
        raise NotImplementedError

    def load(self, request: WorkloadRequest) -> Workload:
        """Build the graph; ``tasks`` chooses the largest matrix of at most that many tasks, ``load`` means nothing."""
        tiles = self.params.tiles if request.tasks is None else self.tiles_within(request.tasks)
        notes = [f"{tiles} x {tiles} tiles make {self.task_count(tiles)} tasks, which arrive at once."]
        if request.load is not None:
            notes.append("The load has no effect: there are no later arrivals.")
        return self._graph(tiles, notes)

    @classmethod
    def tiles_within(cls, tasks: int) -> int:
        """Return the most tiles along one side that make at most this many tasks."""
        tiles = 1
        while cls.task_count(tiles + 1) <= tasks:
            tiles += 1
        return tiles

    def _graph(self, tiles: int, notes: list[str]) -> Workload:
        graph = parents_of(self.steps(tiles))
        index = {task: i for i, task in enumerate(graph)}
        number = {kernel: i for i, kernel in enumerate(self.kernels)}
        kernels = [self.kernels[task[0]] for task in graph]
        seconds = np.array([(kernel.cpu_ms / 1000, kernel.gpu_ms / 1000) for kernel in kernels])
        return workload(
            f"{self.name} {tiles}x{tiles}",
            ("cpu", "gpu"),
            np.zeros(len(graph)),
            seconds,
            law_s=seconds,
            features=[[number[task[0]], self.kernels[task[0]].work, task[1]] for task in graph],
            feature_names=("kernel", "work", "step"),
            memory_gb=[kernel.tiles * TILE_GB for kernel in kernels],
            parents=[[index[parent] for parent in needs] for needs in graph.values()],
            parents_gb=[[TILE_GB] * len(needs) for needs in graph.values()],
            names=["_".join(map(str, task)) for task in graph],
            notes=notes,
        )


def parents_of(steps: Iterable[Step]) -> dict[Key, list[Key]]:
    """Return every task and those that it needs: who wrote last what it reads or writes."""
    parents: dict[Key, list[Key]] = {}
    writer: dict[Tile, Key] = {}
    for task, written, read in steps:
        parents[task] = [writer[tile] for tile in (*read, written) if tile in writer]
        writer[written] = task
    return parents
