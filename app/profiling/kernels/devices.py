"""The CPU and the GPU of this machine, as OpenCL finds them."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from engine.errors import SchedRaceError

_TRIAL = "__kernel void trial(__global int *out) { out[get_global_id(0)] = 1; }"


@dataclass(frozen=True, slots=True)
class OpenClDevice:
    """One device; ``handle`` is pyopencl's, the texts are what the driver says of itself."""

    handle: Any
    name: str
    platform: str
    driver: str
    compute_units: int
    memory_bytes: int
    most_bytes: int
    """The largest single array that it takes."""

    def as_json(self) -> dict[str, object]:
        """Return what is known of it."""
        return {
            "name": self.name,
            "platform": self.platform,
            "driver": self.driver,
            "compute_units": self.compute_units,
            "memory_bytes": self.memory_bytes,
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """The two devices that run kernels together."""

    cpu: OpenClDevice
    gpu: OpenClDevice


def opencl() -> Any:
    """Return the module pyopencl. Raises :class:`SchedRaceError` where it is not installed."""
    # read at its import: nothing is run so often that a cache in the user's home would be worth it
    os.environ.setdefault("PYOPENCL_NO_CACHE", "true")
    try:
        return import_module("pyopencl")
    except ImportError as error:
        raise SchedRaceError(
            f"Kernels are run with OpenCL, and pyopencl cannot be imported ({error}). Install SchedRace with it, "
            "pipx install '.[kernels]' in its folder, and try again. Nothing was measured."
        ) from error


def find_pair() -> Pair:
    """Return the GPU with the most memory, and the first CPU device that compiles.

    Raises :class:`SchedRaceError` with a sentence that says which of them is missing and what to do.
    """
    cl = opencl()
    found = _devices(cl)
    gpus = [device for device in found if device.handle.type & cl.device_type.GPU]
    if not gpus:
        seen = ", ".join(device.name for device in found)
        raise SchedRaceError(
            f"OpenCL finds no GPU on this machine{f', only {seen}' if seen else ''}: kernels are measured on a CPU and "
            "a GPU together. Install the GPU's driver with its OpenCL part, and try again. Nothing was measured."
        )
    refusals = []
    for device in found:
        if device.handle.type & cl.device_type.CPU and not device.handle.type & cl.device_type.GPU:
            refusal = _refusal(cl, device)
            if refusal is None:
                return Pair(device, max(gpus, key=lambda gpu: gpu.memory_bytes))
            refusals.append(f"{device.name} does not compile: {refusal}")
    raise SchedRaceError(
        f"OpenCL finds {gpus[0].name}, but no CPU that it can use ({'; '.join(refusals) or 'no driver for one'}). "
        "Install an OpenCL driver for the CPU, such as PoCL, and try again. Nothing was measured."
    )


def described(handle: Any) -> OpenClDevice:
    """Return what pyopencl's device says of itself."""
    return OpenClDevice(
        handle,
        " ".join(handle.name.split()),
        " ".join(f"{handle.platform.name} ({handle.version})".split()),
        handle.driver_version,
        handle.max_compute_units,
        handle.global_mem_size,
        handle.max_mem_alloc_size,
    )


def build(context: Any, device: OpenClDevice, source: str) -> Any:
    """Return the program, compiled for one device of the context."""
    cl = opencl()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CompilerWarning)  # remarks of a compiler on code that it has compiled
        return cl.Program(context, source).build(devices=[device.handle])


def _devices(cl: Any) -> list[OpenClDevice]:
    try:
        platforms = cl.get_platforms()
    except cl.Error:  # how OpenCL says that there is no driver at all
        return []
    found = []
    for platform in platforms:
        try:
            found += platform.get_devices()
        except cl.Error:  # a driver without a device
            continue
    return [described(handle) for handle in found]


def _refusal(cl: Any, device: OpenClDevice) -> str | None:
    """Return why nothing can be compiled for a device, None where it can."""
    try:
        build(cl.Context([device.handle]), device, _TRIAL)
    except cl.Error as error:
        return next((line for line in str(error).splitlines() if "error" in line), str(error))[:160].strip()
    return None
