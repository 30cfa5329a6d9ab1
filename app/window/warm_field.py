"""Whether learners start from an earlier race: the last one that was recorded, or the file that a race file names."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox

LATEST = "Start from what was learned before"
GIVEN = "Start from what the race file names"


class WarmField(QCheckBox):
    """The box, empty until somebody ticks it; its toggles are changes of the race."""

    def __init__(self) -> None:
        super().__init__(LATEST)
        self.setObjectName("warm")
        self.setToolTip(
            "<p>Warm start: policies that learn begin with the last samples of the newest run on this cluster in which "
            "one learned, instead of with nothing. It must be of the same kind of workload: otherwise nothing starts, "
            "and the log says why. What a race has started from is recorded with it; a race file that is saved "
            "here does not name the newest run.</p>"
        )
        self._given = ""

    @property
    def latest(self) -> bool:
        """Whether the newest recorded run is meant."""
        return self.isChecked() and not self._given

    @property
    def file(self) -> str:
        """The file that is meant; empty where none is."""
        return self._given if self.isChecked() else ""

    def show_file(self, file: str) -> None:
        """Show what a spec says: a file, or an empty text for a cold start."""
        self._given = file
        self.setText(GIVEN if file else LATEST)
        self.setChecked(bool(file))

    def forget_file(self) -> None:
        """Start cold: what the file holds is of another cluster or workload than the form shows now."""
        if self._given:
            self.show_file("")
