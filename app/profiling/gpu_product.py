"""A matrix product on a GPU, by whichever of torch and cupy the user happens to have; SchedRace needs neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from app.profiling.cpu import best_s

_N = 8192


@dataclass(frozen=True, slots=True)
class Timed:
    """GFLOP/s in a float32 matrix product, None where it could not be timed; ``origin`` says how, or why not."""

    gflop_s: float | None
    origin: str


def product_on(card: str) -> Timed:
    """Time a matrix product on the first GPU of this name that one of the libraries finds."""
    reasons = []
    for library, prepare in (("torch", _torch), ("cupy", _cupy)):
        if find_spec(library) is None:
            continue
        try:
            product = prepare(card)
            if product is not None:
                gflop_s = 2e-9 * _N**3 / best_s(product)
                return Timed(
                    gflop_s, f"measured {gflop_s:,.0f} GFLOP/s in a float32 matrix product ({library}, n = {_N})"
                )
            reasons.append(f"{library} does not see it")
        except Exception as error:  # a stranger's library with a driver under it: anything may come
            reasons.append(f"{library} failed with {type(error).__name__}: {' '.join(str(error).split())[:120]}")
    return Timed(None, f"not timed ({'; '.join(reasons) or 'neither torch nor cupy is installed'})")


def _torch(card: str) -> Callable[[], object] | None:
    torch: Any = import_module("torch")
    index = _index(card, torch.cuda.device_count(), torch.cuda.get_device_name)
    if index is None:
        return None
    device = torch.device("cuda", index)
    a = torch.rand((_N, _N), device=device, dtype=torch.float32)

    def product() -> None:
        torch.matmul(a, a)
        torch.cuda.synchronize(device)

    return product


def _cupy(card: str) -> Callable[[], object] | None:
    cupy: Any = import_module("cupy")
    runtime = cupy.cuda.runtime
    index = _index(card, runtime.getDeviceCount(), lambda i: runtime.getDeviceProperties(i)["name"].decode())
    if index is None:
        return None
    device = cupy.cuda.Device(index)
    with device:
        a = cupy.random.random((_N, _N), dtype=cupy.float32)

    def product() -> None:
        with device:
            cupy.matmul(a, a)
            device.synchronize()

    return product


def _index(card: str, count: int, name_of: Callable[[int], str]) -> int | None:
    return next((index for index in range(count) if name_of(index) == card), None)
