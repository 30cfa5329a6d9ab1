"""Two CPU devices of PoCL, one thread each, in the places of a CPU and a GPU: no GPU is needed to run the same code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.profiling.kernels.devices import Pair, described, opencl

_SETTINGS = {"POCL_DEVICES": "pthread basic", "POCL_MAX_PTHREAD_COUNT": "1"}


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The two devices. The first computes in a thread of its own, the second in the one that calls it."""
    pytest.importorskip("pyopencl", reason="the extra 'kernels' is not installed")
    # PoCL reads them when it is first asked for its devices, and never again
    os.environ.update(_SETTINGS, POCL_CACHE_DIR=str(make_cache(tmp_path_factory)))
    cl = opencl()
    try:
        (platform,) = [one for one in cl.get_platforms() if one.name == "Portable Computing Language"]
        cpu, gpu = platform.get_devices()
        cl.Program(cl.Context([cpu, gpu]), "__kernel void nothing() {}").build()
    except (cl.Error, ValueError) as error:
        pytest.skip(f"PoCL has no two devices here that it can compile for, to stand in for a CPU and a GPU: {error}")
    return Pair(described(cpu), described(gpu))


def make_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for what is compiled, so that each kernel is compiled once in all tests."""
    return tmp_path_factory.mktemp("pocl")
