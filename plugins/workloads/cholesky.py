"""The tiled Cholesky factorisation: the classic DAG of CPU+GPU scheduling, with measured kernel times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from plugins.workloads.tiled import Factorisation, Kernel, Step


class Cholesky(Factorisation):
    """One factorisation A = L L^T of the lower triangle, right-looking; all its tasks arrive at once."""

    name = "cholesky"
    summary = "One tiled Cholesky factorisation: a task graph with measured kernel times."
    explanation = (
        "Four kernels (potrf, trsm, syrk, gemm) on tiles of 960 x 960; GPUs are 47 times faster at gemm, and slower at "
        "potrf. Times as published by StarPU for one E5-2680 core and one K40m. The tasks asked for choose the matrix."
    )
    # codelets chol_model_*
    kernels: ClassVar = {
        "potrf": Kernel(7.379027, 8.245442, work=1 / 6, tiles=1),
        "trsm": Kernel(17.75772, 2.019824, work=1 / 2, tiles=2),
        "syrk": Kernel(17.47013, 0.3746738, work=1 / 2, tiles=2),
        "gemm": Kernel(34.94026, 0.7493476, work=1.0, tiles=3),
    }

    @staticmethod
    def task_count(tiles: int) -> int:
        """See :meth:`Factorisation.task_count`."""
        return tiles + tiles * (tiles - 1) + tiles * (tiles - 1) * (tiles - 2) // 6

    @staticmethod
    def steps(tiles: int) -> Iterator[Step]:
        """See :meth:`Factorisation.steps`."""
        for k in range(tiles):
            yield ("potrf", k, k, k), (k, k), ()
            for row in range(k + 1, tiles):
                yield ("trsm", k, row, k), (row, k), ((k, k),)
            for row in range(k + 1, tiles):
                yield ("syrk", k, row, row), (row, row), ((row, k),)
                for column in range(k + 1, row):
                    yield ("gemm", k, row, column), (row, column), ((row, k), (column, k))
