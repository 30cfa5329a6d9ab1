"""Growing columns of numbers (``array.array``) read as numpy arrays."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.workload import IntArray


def column(values: array[int] | array[float], index: slice | IntArray | None = None) -> NDArray[Any]:
    """Return a copy of (part of) a growing column, of its own type; a copy, because a view would forbid it to grow."""
    view: NDArray[Any] = np.frombuffer(values, dtype=values.typecode) if len(values) else np.zeros(0, values.typecode)
    if isinstance(index, np.ndarray):
        chosen: NDArray[Any] = view[index]  # which copies
        return chosen
    return (view if index is None else view[index]).copy()
