"""The tiled Cholesky factorisation: the classic DAG of CPU+GPU scheduling, with measured kernel times.

Times: StarPU's published sampling of machine sirocco (Intel Xeon E5-2680 cores and NVIDIA K40m, single precision, tiles
of 960 x 960; starpu-runtime/starpu, tools/perfmodels/sampling/codelets/45). A CPU device is one core.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.params import parameter
from engine.workload import Workload, workload
from plugins.workload import WorkloadPlugin, WorkloadRequest

TILE = 960
TILE_GB = TILE * TILE * 4 / 1e9
KERNELS = ("potrf", "trsm", "syrk", "gemm")
SECONDS = {
    "potrf": (7.379e-3, 8.245e-3),
    "trsm": (17.758e-3, 2.020e-3),
    "syrk": (17.470e-3, 0.375e-3),
    "gemm": (34.940e-3, 0.749e-3),
}
# multiply-adds of each kernel in units of TILE^3, and the tiles that it holds
_WORK = {"potrf": 1 / 6, "trsm": 1 / 2, "syrk": 1 / 2, "gemm": 1.0}
_TILES_HELD = {"potrf": 1, "trsm": 2, "syrk": 2, "gemm": 3}

Key = tuple[str, int, int, int]


@dataclass(frozen=True)
class CholeskyParams:
    """The size of the matrix."""

    tiles: int = parameter(12, "Tiles along one side of the matrix; 12 make 364 tasks", low=1, high=64)


class Cholesky(WorkloadPlugin):
    """One factorisation; all its tasks arrive at once."""

    name = "cholesky"
    summary = "One tiled Cholesky factorisation: a task graph with measured kernel times."
    explanation = (
        "Four kernels (potrf, trsm, syrk, gemm) on tiles of 960 x 960; GPUs are 47 times faster at gemm, and slower at "
        "potrf. Times as published by StarPU for one E5-2680 core and one K40m. The tasks asked for choose the matrix."
    )
    Params = CholeskyParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Build the graph; ``tasks`` chooses the largest matrix of at most that many tasks, ``load`` means nothing."""
        tiles = self.params.tiles if request.tasks is None else tiles_within(request.tasks)
        notes = [f"{tiles} x {tiles} tiles make {task_count(tiles)} tasks, which arrive at once."]
        if request.load is not None:
            notes.append("The load has no effect: there are no later arrivals.")
        return _graph(tiles, notes)


def task_count(tiles: int) -> int:
    """Return the number of tasks for a matrix of ``tiles`` x ``tiles``."""
    return tiles + tiles * (tiles - 1) + tiles * (tiles - 1) * (tiles - 2) // 6


def tiles_within(tasks: int) -> int:
    """Return the most tiles along one side that make at most this many tasks."""
    tiles = 1
    while task_count(tiles + 1) <= tasks:
        tiles += 1
    return tiles


def parents_of_tiles(tiles: int) -> dict[Key, list[Key]]:
    """Return every task (kernel, step, row, column) and those that it needs, in the order of the sequential algorithm
    (right-looking, lower triangle)."""
    parents: dict[Key, list[Key]] = {}
    writer: dict[tuple[int, int], Key] = {}

    def add(task: Key, written: tuple[int, int], read: list[tuple[int, int]]) -> None:
        parents[task] = [writer[tile] for tile in (*read, written) if tile in writer]
        writer[written] = task

    for k in range(tiles):
        add(("potrf", k, k, k), (k, k), [])
        for row in range(k + 1, tiles):
            add(("trsm", k, row, k), (row, k), [(k, k)])
        for row in range(k + 1, tiles):
            add(("syrk", k, row, row), (row, row), [(row, k)])
            for column in range(k + 1, row):
                add(("gemm", k, row, column), (row, column), [(row, k), (column, k)])
    return parents


def _graph(tiles: int, notes: list[str]) -> Workload:
    graph = parents_of_tiles(tiles)
    index = {task: i for i, task in enumerate(graph)}
    kernels = [task[0] for task in graph]
    seconds = np.array([SECONDS[kernel] for kernel in kernels])
    return workload(
        f"cholesky {tiles}x{tiles}",
        ("cpu", "gpu"),
        np.zeros(len(graph)),
        seconds,
        law_s=seconds,
        features=[[KERNELS.index(kernel), _WORK[kernel], task[1]] for kernel, task in zip(kernels, graph, strict=True)],
        feature_names=("kernel", "work", "step"),
        memory_gb=[_TILES_HELD[kernel] * TILE_GB for kernel in kernels],
        parents=[[index[parent] for parent in needs] for needs in graph.values()],
        parents_gb=[[TILE_GB] * len(needs) for needs in graph.values()],
        names=["_".join(map(str, task)) for task in graph],
        notes=notes,
    )
