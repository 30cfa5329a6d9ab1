"""What all simulations of a race read and none changes, made once for all of them. Schedulers never see it."""

from __future__ import annotations

from array import array
from typing import TypeAlias

import numpy as np

from engine.device_state import DeviceState
from engine.task import TaskColumns
from engine.workload import FloatArray, Workload

SecondsColumn: TypeAlias = "array[float]"


class Shared:
    """``columns`` is what schedulers may know of the tasks, ``arrivals`` the order in which they arrive.

    Tables of seconds are columns of 8 bytes a number, where a list would take 32, and made when first asked for.
    """

    def __init__(self, workload: Workload) -> None:
        self.columns = TaskColumns(workload)
        self.arrivals = array("i", np.argsort(workload.arrival_s, kind="stable").astype(np.int32).tobytes())
        self._tables: dict[str, FloatArray | None] = {
            "nominal": workload.etc_s, "true": workload.actual_s, "law": workload.law_s,
        }  # fmt: skip
        self._transfer_gb = workload.transfer_gb
        self._columns_of: dict[str, tuple[SecondsColumn, ...]] = {}
        self._by_device: dict[tuple[object, ...], SecondsColumn] = {}

    def knows(self, name: str) -> bool:
        """Return whether the workload has a table of this name."""
        return self._tables.get(name) is not None

    def table(self, name: str) -> tuple[SecondsColumn, ...]:
        """Return the seconds of every task at speed 1, a column a device model."""
        columns = self._columns_of.get(name)
        if columns is None:
            columns = self._columns_of[name] = tuple(_packed(column) for column in self._matrix(name).T)
        return columns

    def whole_s(self, name: str, device: DeviceState) -> SecondsColumn:
        """Return the seconds of every whole task on a device by the table of this name, launch and transfer included.

        The same bits as :meth:`DeviceState.seconds`; equal devices share the column.
        """
        return self._seconds("whole", name, device)

    def busy_s(self, name: str, device: DeviceState) -> SecondsColumn:
        """As :meth:`whole_s` without the launch, which the two shares of a split task wait for side by side."""
        return self._seconds("busy" if device.has_link else "whole", name, device)

    def _seconds(self, what: str, name: str, device: DeviceState) -> SecondsColumn:
        key = (what, name, device.model, device.speed, device.has_link, device.latency_s, device.per_gb_s)
        if key not in self._by_device:
            seconds = self._matrix(name)[:, device.model] / device.speed
            if device.has_link:
                launch_s = device.latency_s if what == "whole" else 0.0
                seconds = seconds + (launch_s + self._transfer_gb * device.per_gb_s)
            self._by_device[key] = _packed(seconds)
        return self._by_device[key]

    def _matrix(self, name: str) -> FloatArray:
        table = self._tables[name]
        assert table is not None, "who asks has made sure that the workload knows it"
        return table


def _packed(column: FloatArray) -> SecondsColumn:
    return array("d", np.ascontiguousarray(column, dtype=np.float64).tobytes())
