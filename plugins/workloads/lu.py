"""The tiled LU factorisation without pivoting, with measured kernel times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from plugins.workloads.tiled import Factorisation, Kernel, Step


class Lu(Factorisation):
    """One factorisation A = L U without pivoting, right-looking; all its tasks arrive at once."""

    name = "lu"
    summary = "One tiled LU factorisation without pivoting: a task graph with measured kernel times."
    explanation = (
        "Four kernels (getrf, trsm_ll, trsm_ru, gemm) on tiles of 960 x 960; GPUs are 45 times faster at gemm, but "
        "only twice at getrf, which makes the critical path long. Times as published by StarPU for one E5-2680 core "
        "and one K40m. The tasks asked for choose the matrix."
    )
    # codelets starpu_slu_lu_model_*
    kernels: ClassVar = {
        "getrf": Kernel(102.9624, 43.12213, work=1 / 3, tiles=1),
        "trsm_ll": Kernel(17.26784, 2.147338, work=1 / 2, tiles=2),
        "trsm_ru": Kernel(15.83302, 1.57452, work=1 / 2, tiles=2),
        "gemm": Kernel(35.1739, 0.7891962, work=1.0, tiles=3),
    }

    @staticmethod
    def task_count(tiles: int) -> int:
        """See :meth:`Factorisation.task_count`."""
        return tiles * (tiles + 1) * (2 * tiles + 1) // 6

    @staticmethod
    def steps(tiles: int) -> Iterator[Step]:
        """See :meth:`Factorisation.steps`."""
        for k in range(tiles):
            rest = range(k + 1, tiles)
            yield ("getrf", k, k, k), (k, k), ()
            for column in rest:
                yield ("trsm_ll", k, k, column), (k, column), ((k, k),)
            for row in rest:
                yield ("trsm_ru", k, row, k), (row, k), ((k, k),)
                for column in rest:
                    yield ("gemm", k, row, column), (row, column), ((row, k), (k, column))
