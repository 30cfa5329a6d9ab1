"""The weights of the race: three numbers behind a line that is closed until someone wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from engine.weights import Weights

UNITS = {"time": "per second", "energy": "per joule", "cost": "per unit"}
TIPS = {
    "time": "a second until the task ends",
    "energy": "a joule above what the device draws when idle",
    "cost": "a currency unit for the device's busy time",
}
USUAL = {"time": 1.0, "energy": 0.0, "cost": 0.0}
DECIMALS, MOST = 6, 1e9


class _Plain(QDoubleSpinBox):
    """Shows 0.001, not 0.001000."""

    def textFromValue(self, value: float) -> str:
        """Return the number in the user's language without zeros at its end."""
        text = self.locale().toString(value, "f", DECIMALS)
        return text.rstrip("0").rstrip(self.locale().decimalPoint())


class WeightsFields(QWidget):
    """``changed`` after every change of a weight."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._given = dict(USUAL)
        self.head = QToolButton()
        self.head.setObjectName("quiet")
        self.head.setText("Weights")
        self.head.setCheckable(True)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setToolTip(
            "<p>What counts when a policy scores a placement. Time alone is usual; give energy or cost a weight and "
            "mct, its kin and rl_agent weigh them too.</p>"
        )
        self.fields = {name: _field(name) for name in USUAL}
        self._body = QWidget()
        grid = QGridLayout(self._body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        for column, (name, field) in enumerate(self.fields.items()):
            label = QLabel(f"{name.capitalize()}<br>{UNITS[name]}")
            label.setObjectName("muted")
            grid.addWidget(label, 0, column)
            grid.addWidget(field, 1, column)
            grid.setColumnStretch(column, 1)
            field.setValue(USUAL[name])
            field.valueChanged.connect(self.changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.head)
        layout.addWidget(self._body)
        self.head.toggled.connect(self._open)
        self._open(False)

    def show_weights(self, weights: Weights) -> None:
        """Fill the fields; weights other than the usual ones are shown at once."""
        self._given = {name: getattr(weights, name) for name in USUAL}
        for name, field in self.fields.items():
            field.setValue(self._given[name])
        self.head.setChecked(self._given != USUAL)

    def weights(self) -> Weights:
        """Return the weights as they stand; raises InputError when all are 0."""
        from engine.weights import Weights

        return Weights(**{name: self._value(name) for name in USUAL})

    def lock(self, locked: bool) -> None:
        """Forbid or allow changes."""
        for field in self.fields.values():
            field.setEnabled(not locked)

    def _value(self, name: str) -> float:
        """A weight that was not touched keeps the digits that its field does not show."""
        value, given = self.fields[name].value(), self._given[name]
        return given if value == min(round(given, DECIMALS), MOST) else value

    def _open(self, opened: bool) -> None:
        self._body.setVisible(opened)
        self.head.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)


def _field(name: str) -> QDoubleSpinBox:
    field = _Plain()
    field.setObjectName(f"weight_{name}")
    field.setAccessibleName(f"Weight of {name} {UNITS[name]}")
    field.setDecimals(DECIMALS)
    field.setMaximum(MOST)
    field.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    field.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    field.setMinimumWidth(60)
    field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    field.lineEdit().setTextMargins(5, 0, 0, 0)
    field.setToolTip(f"<p>What {TIPS[name]} adds to the score of a placement ({UNITS[name]}).</p>")
    return field
