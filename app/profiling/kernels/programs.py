"""Five classic kernels of different character, each divisible along one dimension.

The first items of a problem can be computed on one device and the rest on another: an array is either divided with
the items, or needed whole by every share. The engine's law counts all of it as divided; for the arrays that are not
(a matrix, the positions of all bodies) a small share moves more than the law says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Range = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Input:
    """An array that a kernel reads. The share of items a to b reads the rows a to b + ``halo``, or all of them."""

    values: Array
    divided: bool = True
    halo: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A kernel at one size.

    ``items`` can be divided, ``group`` of them at a time; ``work`` gives the global and local range of so many items;
    ``expected`` what numpy computes for the items of the given indices, a row each. The kernel's arguments are the
    inputs, the output (items x ``columns`` of ``dtype``) and ``scalar``.
    """

    items: int
    group: int
    inputs: tuple[Input, ...]
    columns: int
    dtype: type[np.generic]
    scalar: np.generic
    work: Callable[[int], Range]
    flops: float
    expected: Callable[[Array], Array]

    @property
    def bytes(self) -> int:
        """Bytes of all arrays: held by the device that runs the whole, and moved to it and back."""
        return sum(given.values.nbytes for given in self.inputs) + self.output_bytes

    @property
    def output_bytes(self) -> int:
        """Bytes of the output."""
        return self.items * self.columns * np.dtype(self.dtype).itemsize

    @property
    def work_items(self) -> int:
        """How many instances of the kernel run."""
        return int(np.prod(self.work(self.items)[0]))


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel: its function is called as it is. ``steps`` are sizes of which each has about twice the work."""

    name: str
    character: str
    source: str
    steps: tuple[int, ...]
    problem: Callable[[int], Problem]


def _steps(smallest: int, power: int, count: int) -> tuple[int, ...]:
    """Return sizes of a kernel whose work grows with this power of its size, rounded to eighths of powers of two."""
    eighths = {1: (8,), 2: (8, 12), 3: (8, 10, 13)}[power]
    return tuple((smallest << i // power) * eighths[i % power] // 8 for i in range(count))


def _random(*shape: int) -> Array:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


SAXPY = """
__kernel void saxpy(__global const float *x, __global const float *y, __global float *out, float a) {
    size_t i = get_global_id(0);
    out[i] = a * x[i] + y[i];
}
"""


def _saxpy(size: int) -> Problem:
    x, y = _random(2, size)
    return Problem(
        size, 256, (Input(x), Input(y)), 1, np.float32, np.float32(2.5), lambda items: ((items,), (256,)), 2.0 * size,
        lambda rows: (np.float32(2.5) * x[rows] + y[rows])[:, None],
    )  # fmt: skip


MATMUL = """
#define TILE 16
__kernel __attribute__((reqd_work_group_size(TILE, TILE, 1)))
void matmul(__global const float *a, __global const float *b, __global float *out, int n) {
    __local float of_a[TILE][TILE], of_b[TILE][TILE];
    int column = get_global_id(0), row = get_global_id(1), x = get_local_id(0), y = get_local_id(1);
    float sum = 0.0f;
    for (int tile = 0; tile < n; tile += TILE) {
        of_a[y][x] = a[row * n + tile + x];
        of_b[y][x] = b[(tile + y) * n + column];
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < TILE; k++) sum += of_a[y][k] * of_b[k][x];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    out[row * n + column] = sum;
}
"""


def _matmul(size: int) -> Problem:
    a, b = _random(2, size, size)
    return Problem(
        size, 16, (Input(a), Input(b, divided=False)), size, np.float32, np.int32(size),
        lambda items: ((size, items), (16, 16)), 2.0 * size**3,
        # without BLAS, whose threads would still spin when the next run is timed
        lambda rows: np.einsum("ij,jk->ik", a[rows], b),
    )  # fmt: skip


NBODY = """
__kernel void nbody(__global const float4 *own, __global const float4 *all, __global float4 *out, int n) {
    size_t i = get_global_id(0);
    float4 here = own[i];
    float3 sum = (float3)(0.0f);
    for (int j = 0; j < n; j++) {
        float4 there = all[j];
        float3 d = there.xyz - here.xyz;
        float r2 = d.x * d.x + d.y * d.y + d.z * d.z + 1e-3f;
        sum += d * (there.w / (r2 * sqrt(r2)));
    }
    out[i] = (float4)(sum, 0.0f);
}
"""


def _nbody(size: int) -> Problem:
    bodies = _random(size, 4)

    def expected(rows: Array) -> Array:
        d = bodies[None, :, :3].astype(np.float64) - bodies[rows, None, :3]
        r2 = (d**2).sum(axis=2) + 1e-3
        sums = (d * (bodies[:, 3] / r2**1.5)[..., None]).sum(axis=1)
        return np.concatenate([sums, np.zeros((len(rows), 1))], axis=1)

    return Problem(
        size, 64, (Input(bodies), Input(bodies, divided=False)), 4, np.float32, np.int32(size),
        lambda items: ((items,), (64,)), 20.0 * size**2, expected,
    )  # fmt: skip


STENCIL = """
#define R 4
__kernel void stencil(__global const float *grid, __global float *out, int width) {
    int column = get_global_id(0), row = get_global_id(1);
    float sum = 0.0f;
    for (int y = row; y <= row + 2 * R; y++)
        for (int x = column - R; x <= column + R; x++) sum += grid[y * width + clamp(x, 0, width - 1)];
    out[row * width + column] = sum / ((2 * R + 1) * (2 * R + 1));
}
"""
_R = 4


def _stencil(size: int) -> Problem:
    grid = _random(size + 2 * _R, size)

    def expected(rows: Array) -> Array:
        columns = np.clip(np.arange(-_R, size + _R), 0, size - 1)
        bands = [grid[row : row + 2 * _R + 1, columns].sum(axis=0, dtype=np.float64) for row in rows.tolist()]
        return np.array([np.convolve(band, np.ones(2 * _R + 1), "valid") for band in bands]) / (2 * _R + 1) ** 2

    return Problem(
        size, 4, (Input(grid, halo=2 * _R),), size, np.float32, np.int32(size),
        lambda items: ((size, items), (64, 4)), (2.0 * _R + 1) ** 2 * size**2, expected,
    )  # fmt: skip


HISTOGRAM = """
#define CHUNK 16384
__kernel void histogram(__global const uchar *values, __global uint *out, int bins) {
    __local uint counts[256];
    size_t chunk = get_group_id(0), own = get_local_id(0), many = get_local_size(0);
    for (size_t bin = own; bin < bins; bin += many) counts[bin] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (size_t i = own; i < CHUNK; i += many) atomic_inc(&counts[values[chunk * CHUNK + i]]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (size_t bin = own; bin < bins; bin += many) out[chunk * bins + bin] = counts[bin];
}
"""
_CHUNK = 16384


def _histogram(size: int) -> Problem:
    # near one another, as the brightness of pictures: neighbours meet in the same bins
    values = np.random.default_rng(0).normal(128, 20, size=(size, _CHUNK)).clip(0, 255).astype(np.uint8)
    return Problem(
        size, 1, (Input(values),), 256, np.uint32, np.int32(256), lambda items: ((items * 64,), (64,)), 0.0,
        lambda rows: np.array([np.bincount(values[row], minlength=256) for row in rows.tolist()]),
    )  # fmt: skip


KERNELS = (
    Kernel("saxpy", "moves much, computes little", SAXPY, _steps(2**16, 1, 14), _saxpy),
    Kernel("matmul", "dense, from local memory", MATMUL, _steps(128, 3, 18), _matmul),
    Kernel("nbody", "computes much, moves little", NBODY, _steps(1024, 2, 18), _nbody),
    Kernel("stencil", "reads what its neighbours read", STENCIL, _steps(256, 2, 15), _stencil),
    Kernel("histogram", "irregular, atomic", HISTOGRAM, _steps(64, 1, 12), _histogram),
)
