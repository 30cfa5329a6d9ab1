"""One problem on two devices at once: its first items on the CPU, the rest on the GPU, from two queues."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from app.profiling.figures import significant
from app.profiling.kernels.devices import OpenClDevice, Pair, build, opencl
from app.profiling.kernels.programs import Array, Input, Kernel, Problem

LINK_BYTES = 128 * 2**20
LINK_RUNS, LATENCY_RUNS = 7, 50


@dataclass(frozen=True, slots=True)
class GpuLink:
    """What the law knows of the way to the GPU: ``latency_s`` to launch, ``gb_s`` there and back, for all kernels."""

    latency_s: float
    gb_s: float


@dataclass(frozen=True, slots=True)
class _Share:
    """A kernel with its arguments for some of the items, and what the GPU moves for it: (device, host) arrays."""

    kernel: Any
    work: tuple[tuple[int, ...], tuple[int, ...]]
    moved_in: list[tuple[Any, Array]]
    output: Any
    host_output: Array


class Side:
    """One device with its queue, and what was compiled for it."""

    def __init__(self, device: OpenClDevice, context: Any) -> None:
        self.device, self.context = device, context
        self.queue = opencl().CommandQueue(context, device.handle)
        self._programs: dict[str, Any] = {}

    def kernel(self, name: str, source: str) -> Any:
        """Return the kernel for one set of arguments; a source is compiled once."""
        if source not in self._programs:
            self._programs[source] = build(self.context, self.device, source)
        return opencl().Kernel(self._programs[source], name)


def open_sides(pair: Pair) -> tuple[Side, Side]:
    """Return the CPU and the GPU ready for work, in one context where they have the same driver."""
    cl = opencl()
    cpu, gpu = pair.cpu.handle, pair.gpu.handle
    if cpu.platform == gpu.platform:
        both = cl.Context([cpu, gpu])
        return Side(pair.cpu, both), Side(pair.gpu, both)
    return Side(pair.cpu, cl.Context([cpu])), Side(pair.gpu, cl.Context([gpu]))


class TwoQueues:
    """A problem with its arrays in memory that both devices reach, ready to run with any cut.

    The host's arrays are page-locked by the GPU's driver, so that transfers overlap with computing; the CPU device
    computes in them without a copy. Both shares begin at the beginning of their device's arrays, so that no array is
    ever divided by OpenCL: NVIDIA's driver (580) crashes when sub-buffers that overlap are given back. Raises
    pyopencl's errors.
    """

    def __init__(self, sides: tuple[Side, Side], kernel: Kernel, problem: Problem) -> None:
        cl = opencl()
        self._cl, self._sides, self._kernel, self._problem = cl, sides, kernel, problem
        cpu, gpu = (side.context for side in sides)
        self._queues = sides[0].queue, sides[1].queue
        shapes = [(given.values.shape, given.values.dtype) for given in problem.inputs]
        shapes.append(((problem.items, problem.columns), np.dtype(problem.dtype)))
        self._pinned = [_pinned(cl, self._queues[1], shape, dtype) for shape, dtype in shapes]
        *inputs, self.output = (array for _, array in self._pinned)
        for array, given in zip(inputs, problem.inputs, strict=True):
            array[...] = given.values
        self._hosts = [*inputs, self.output]
        use, write = cl.mem_flags.USE_HOST_PTR, cl.mem_flags.READ_WRITE
        self._buffers = (
            [cl.Buffer(cpu, write | use, hostbuf=array) for array in self._hosts],
            [cl.Buffer(gpu, write, array.nbytes) for array in self._hosts],
        )
        self._shares: dict[tuple[int, int, int], _Share] = {}

    def cut(self, fraction: float) -> int:
        """Return how many items go to the CPU when about this fraction goes to the GPU."""
        items, group = self._problem.items, self._problem.group
        return min(items, round((1 - fraction) * items / group) * group)

    def together_s(self, cut: int) -> float:
        """Return the seconds from the first command to the end of both shares; a share of nothing does not run."""
        items = self._problem.items
        on_cpu = self._share(0, 0, cut) if cut else None
        on_gpu = self._share(1, cut, items) if cut < items else None
        cpu, gpu = self._queues
        began = time.perf_counter()
        # the CPU first: its driver takes one command and goes on by itself, while one that moves data may hold us
        if on_cpu is not None:
            self._compute(0, on_cpu)
            cpu.flush()
        if on_gpu is not None:
            self._move_in(on_gpu)
            self._compute(1, on_gpu)
            self._move_out(on_gpu)
            gpu.flush()
        shown = self._show(on_cpu) if on_cpu is not None else None
        # again the CPU first: while it waits for its GPU, a driver may keep a core busy
        cpu.finish()
        gpu.finish()
        took_s = time.perf_counter() - began
        if shown is not None:
            _give_back(shown, cpu)
        return took_s

    def gpu_alone_s(self) -> tuple[float, float]:
        """Return the seconds of the whole on the GPU in two parts: its transfers there and back, and its kernel."""
        share = self._share(1, 0, self._problem.items)
        queue = self._queues[1]
        began = time.perf_counter()
        self._move_in(share)
        self._move_out(share)
        queue.finish()
        moved = time.perf_counter()
        self._compute(1, share)
        queue.finish()
        return moved - began, time.perf_counter() - moved

    def wrong_item(self, cut: int) -> int | None:
        """Run once and compare items of the output with numpy's: both ends, both sides of the cut, and some between.

        Returns the first that is wrong.
        """
        self.output.view(np.uint8)[...] = 0xFF
        self.together_s(cut)
        last = self._problem.items - 1
        between = np.random.default_rng(cut).integers(0, last + 1, 8)
        items = np.unique(np.clip([0, cut - 1, cut, last, *between], 0, last))
        expected = self._problem.expected(items).astype(np.float64)
        got = self.output[items].astype(np.float64)
        near = np.isclose(got, expected, rtol=1e-3, atol=1e-4 * float(np.abs(expected).max()))
        wrong = items[~near.all(axis=1)]
        return int(wrong[0]) if len(wrong) else None

    def close(self) -> None:
        """Give the arrays back; nothing runs any more."""
        self._shares.clear()
        for queue in self._queues:
            queue.finish()
        for buffers in self._buffers:
            for buffer in buffers:
                buffer.release()
        for _, array in self._pinned:
            _give_back(array, self._queues[1])
        self._queues[1].finish()
        for buffer, _ in self._pinned:
            buffer.release()

    def _move_in(self, share: _Share) -> None:
        for buffer, host in share.moved_in:
            self._cl.enqueue_copy(self._queues[1], buffer, host, is_blocking=False)

    def _move_out(self, share: _Share) -> None:
        self._cl.enqueue_copy(self._queues[1], share.host_output, share.output, is_blocking=False)

    def _compute(self, side: int, share: _Share) -> None:
        self._cl.enqueue_nd_range_kernel(self._queues[side], share.kernel, *share.work)

    def _show(self, share: _Share) -> Array:
        """Let the host see what the CPU device has computed in its memory."""
        host = share.host_output
        flags = self._cl.map_flags.READ
        array: Array
        array, _ = self._cl.enqueue_map_buffer(
            self._queues[0], share.output, flags, 0, host.shape, host.dtype, is_blocking=False
        )
        return array

    def _share(self, side: int, begin: int, end: int) -> _Share:
        key = (side, begin, end)
        if key not in self._shares:
            self._shares[key] = self._prepared(side, begin, end)
        return self._shares[key]

    def _prepared(self, side: int, begin: int, end: int) -> _Share:
        problem, buffers = self._problem, self._buffers[side]
        *inputs, output = self._hosts
        needed = [_needed(host, begin, end, given) for host, given in zip(inputs, problem.inputs, strict=True)]
        kernel = self._sides[side].kernel(self._kernel.name, self._kernel.source)
        kernel.set_args(*buffers, problem.scalar)
        moved_in = list(zip(buffers[:-1], needed, strict=True))
        return _Share(kernel, problem.work(end - begin), moved_in, buffers[-1], output[begin:end])


@contextmanager
def two_queues(sides: tuple[Side, Side], kernel: Kernel, problem: Problem) -> Iterator[TwoQueues]:
    """Yield the problem, ready to run, and give its arrays back afterwards."""
    queues = TwoQueues(sides, kernel, problem)
    try:
        yield queues
    finally:
        queues.close()


def measured_link(gpu: Side) -> GpuLink:
    """Time launches of a kernel that does nothing, and page-locked memory there and back (:data:`LINK_BYTES`)."""
    cl, queue = opencl(), gpu.queue
    kernel = gpu.kernel("nothing", "__kernel void nothing(int n) {}")
    kernel.set_args(np.int32(0))
    buffer, host = _pinned(cl, queue, (LINK_BYTES,), np.dtype(np.uint8))
    on_device = cl.Buffer(gpu.context, cl.mem_flags.READ_WRITE, LINK_BYTES)

    def launch() -> None:
        cl.enqueue_nd_range_kernel(queue, kernel, (1,), None)

    def there_and_back() -> None:
        cl.enqueue_copy(queue, on_device, host, is_blocking=False)
        cl.enqueue_copy(queue, host, on_device, is_blocking=False)

    latency_s, moved_s = _median_s(queue, launch, LATENCY_RUNS), _median_s(queue, there_and_back, LINK_RUNS)
    _give_back(host, queue)
    queue.finish()
    buffer.release()
    # as the cluster file has them, so that a race on it follows the same law
    return GpuLink(significant(latency_s), significant(2e-9 * LINK_BYTES / moved_s))


def _median_s(queue: Any, enqueue: Any, runs: int) -> float:
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        enqueue()
        queue.finish()
        times.append(time.perf_counter() - began)
    return median(times[1:])  # the first warms up


def _pinned(cl: Any, queue: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, Array]:
    """Return memory of the host that the device's driver has locked, and the array in it."""
    flags = cl.mem_flags.READ_WRITE | cl.mem_flags.ALLOC_HOST_PTR
    buffer = cl.Buffer(queue.context, flags, math.prod(shape) * dtype.itemsize)
    both = cl.map_flags.READ | cl.map_flags.WRITE
    array, _ = cl.enqueue_map_buffer(queue, buffer, both, 0, shape, dtype, is_blocking=True)
    return buffer, array


def _give_back(mapped: Array, queue: Any) -> None:
    """Take from the host what it was shown of a buffer."""
    held: Any = mapped.base
    held.release(queue)


def _needed(host: Array, begin: int, end: int, given: Input) -> Array:
    """Return the rows of an array that the items from ``begin`` to ``end`` read."""
    return host[begin : end + given.halo] if given.divided else host
