"""What the window offers as drift: devices that change their speed half-way, or what a race file says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox

if TYPE_CHECKING:
    from engine.drift import Drift

OFFERED = (
    ("No drift", None),
    ("GPUs half as fast half-way", "gpu"),
    ("CPUs half as fast half-way", "cpu"),
)


class DriftField(QComboBox):
    """The field; changes of its index are changes of the race."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("drift")
        self.setAccessibleName("Drift")
        self.setToolTip(
            "<p>Drift: devices that become slower during the race. Policies are not told; those that learn find out. "
            "A race file, or <code>--drift</code> of the command, can also name single devices, instants and "
            "factors.</p>"
        )
        self.setMinimumContentsLength(8)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for text, _ in OFFERED:
            self.addItem(text)
        self._given: tuple[Drift, ...] = ()

    def drift(self) -> tuple[Drift, ...]:
        """Return what is chosen."""
        from engine.drift import Drift

        index = self.currentIndex()
        if index >= len(OFFERED):
            return self._given
        devices = OFFERED[index][1]
        return () if devices is None else (Drift(devices, 0.5, 0.5),)

    def show_drift(self, drift: Sequence[Drift]) -> None:
        """Choose what a spec says, which is offered from then on if it was not."""
        self._given = tuple(drift)
        while self.count() > len(OFFERED):
            self.removeItem(len(OFFERED))
        for index in range(len(OFFERED)):
            self.setCurrentIndex(index)
            if self.drift() == self._given:
                return
        self.addItem("As the race file says: " + ", ".join(map(str, drift)))
        self.setCurrentIndex(len(OFFERED))
