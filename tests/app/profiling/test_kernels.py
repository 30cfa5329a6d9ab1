"""Kernels on two devices at once, with PoCL's in the places of a CPU and a GPU."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from app.profiling.kernels import devices, measuring, running
from app.profiling.kernels.devices import Pair, find_pair
from app.profiling.kernels.programs import KERNELS, Kernel
from engine.errors import SchedRaceError

from .stand_ins import stand_ins as stand_ins

SAXPY = KERNELS[0]


@pytest.fixture(scope="module")
def sides(stand_ins: Pair) -> measuring.Sides:
    """The stand-ins, ready for work."""
    return running.open_sides(stand_ins)


@pytest.mark.parametrize("kernel", KERNELS, ids=[kernel.name for kernel in KERNELS])
def test_both_devices_together_compute_what_numpy_does_wherever_the_work_is_cut(
    sides: measuring.Sides, kernel: Kernel
) -> None:
    problem = kernel.problem(kernel.steps[0])
    with running.two_queues(sides, kernel, problem) as queues:
        cuts = [queues.cut(fraction) for fraction in (0.0, 0.3, 0.75, 1.0)]
        assert cuts[0] == problem.items > cuts[1] > cuts[2] > cuts[3] == 0
        assert [queues.wrong_item(cut) for cut in cuts] == [None] * 4
        assert queues.together_s(cuts[1]) > 0
        assert all(seconds > 0 for seconds in queues.gpu_alone_s())
        queues.output[0] = 0
        assert queues.wrong_item(cuts[1]) is None  # it computes anew


def test_the_gpu_finishes_its_share_though_the_cpu_has_not_begun_and_a_device_without_a_share_is_not_asked(
    sides: measuring.Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    cl = devices.opencl()
    problem = SAXPY.problem(1024)
    with running.two_queues(sides, SAXPY, problem) as queues:
        done = []
        compute = queues._compute

        def watched(side: int, share: Any) -> None:
            done.append((side, share.work[0]))
            if side == 0:
                cl.enqueue_marker(sides[0].queue, wait_for=[held])
            compute(side, share)
            if side == 1 and held.command_execution_status != cl.command_execution_status.COMPLETE:
                sides[1].queue.finish()
                held.set_status(cl.command_execution_status.COMPLETE)

        monkeypatch.setattr(queues, "_compute", watched)
        held = cl.UserEvent(sides[0].context)
        queues.together_s(queues.cut(0.25))
        assert done == [(0, (768,)), (1, (256,))]
        done.clear()
        queues.together_s(0)
        assert done == [(1, (1024,))]


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (replace(SAXPY, source=SAXPY.source.replace("+ y", "- y")), "computes saxpy of size 65,536 wrongly: item 0"),
        (replace(SAXPY, source="no OpenCL"), "OpenCL failed on"),
    ],
    ids=["wrong", "broken"],
)
def test_a_device_that_computes_wrongly_or_fails_is_a_sentence(
    stand_ins: Pair, monkeypatch: pytest.MonkeyPatch, kernel: Kernel, message: str
) -> None:
    monkeypatch.setattr(measuring, "KERNELS", (kernel,))
    monkeypatch.setattr(measuring, "ENOUGH_S", 0.0)
    monkeypatch.setattr(running, "LINK_BYTES", 2**20)
    with pytest.raises(SchedRaceError, match=message):
        measuring.measure(stand_ins, lambda line: None)


def test_sizes_grow_until_the_cpu_takes_long_enough_or_memory_is_full(
    sides: measuring.Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "ENOUGH_S", 0.0)
    assert measuring._sizes(sides, SAXPY) == SAXPY.steps[:3]
    monkeypatch.setattr(measuring, "ENOUGH_S", 1e9)
    monkeypatch.setattr(measuring, "LEAST_S", 1e9)
    monkeypatch.setattr(measuring, "MOST_BYTES", 12 * SAXPY.steps[4])
    assert measuring._sizes(sides, SAXPY) == SAXPY.steps[2:5]


def fake(name: str, kind: int, memory: int = 1) -> Any:
    """A device as pyopencl shows it."""
    platform = SimpleNamespace(name="Fake")
    return SimpleNamespace(
        name=name, type=kind, platform=platform, version="OpenCL 3.0", driver_version="1", max_compute_units=8,
        global_mem_size=memory, max_mem_alloc_size=memory,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "compiles", "message"),
    [
        ([], True, "OpenCL finds no GPU on this machine: kernels are measured on a CPU and a GPU together."),
        ([fake("Ryzen", 2)], True, "OpenCL finds no GPU on this machine, only Ryzen: "),
        ([fake("A100", 4)], True, "OpenCL finds A100, but no CPU that it can use (no driver for one). Install"),
        ([fake("A100", 4), fake("Ryzen", 2)], False, "Ryzen does not compile: error: unknown target CPU"),
    ],
)
def test_what_is_missing_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, found: list[Any], compiles: bool, message: str
) -> None:
    monkeypatch.setattr(devices, "opencl", lambda: FakeOpenCl(found, compiles))
    with pytest.raises(SchedRaceError) as refused:
        find_pair()
    assert message in str(refused.value)


def test_the_gpu_with_the_most_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [fake("built in", 4, 1), fake("A100", 4, 80), fake("Ryzen", 2)]
    monkeypatch.setattr(devices, "opencl", lambda: FakeOpenCl(found, True))
    pair = find_pair()
    assert (pair.cpu.name, pair.gpu.name) == ("Ryzen", "A100")


class FakeOpenCl:
    """As much of pyopencl as looking for devices takes."""

    class Error(Exception):
        pass

    CompilerWarning = UserWarning
    device_type = SimpleNamespace(CPU=2, GPU=4)

    def __init__(self, found: list[Any], compiles: bool) -> None:
        self._found, self._compiles = found, compiles

    def get_platforms(self) -> list[Any]:
        if not self._found:
            raise self.Error("PLATFORM_NOT_FOUND_KHR")
        return [SimpleNamespace(get_devices=lambda: self._found)]

    def Context(self, handles: list[Any]) -> None:
        """Nothing is run in it."""

    def Program(self, context: None, source: str) -> Any:
        return SimpleNamespace(build=self._build)

    def _build(self, devices: list[Any]) -> None:
        if not self._compiles:
            raise self.Error("clBuildProgram failed\nerror: unknown target CPU 'generic'\n")
