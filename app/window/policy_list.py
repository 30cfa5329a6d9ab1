"""The list of policies: a check box, the policy's colour, its name and a sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.charts.look import Look, paint_dot
from app.window.elided_label import ElidedLabel
from app.window.policies import PolicyChoice
from app.window.widgets import ClickableRow


class ColourDot(QWidget):
    """The colour in which a policy is drawn; a ring for the references that are drawn dashed."""

    def __init__(self, look: Look, name: str) -> None:
        super().__init__()
        self._look = look
        self._name = name
        self.setFixedSize(QSize(12, 12))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        paint_dot(painter, box, self._look.colour(self._name), self._look.style(self._name))
        painter.end()


class PolicyRow(ClickableRow):
    """One policy; a click anywhere ticks it."""

    def __init__(self, choice: PolicyChoice, look: Look) -> None:
        super().__init__()
        self.setObjectName("policyRow")
        self.box = QCheckBox()
        self.box.setObjectName(f"policy_{choice.name}")
        self.box.setAccessibleName(choice.name)
        self.box.setFixedWidth(18)
        name = QLabel(f"<b>{choice.name}</b>")
        summary = ElidedLabel(choice.summary, "muted")
        font = summary.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        summary.setFont(font)
        self.setToolTip(f"<p><b>{choice.name}</b>: {choice.explanation}</p>")
        summary.set_tip(f"<b>{choice.name}</b>: {choice.explanation}")
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(name)
        texts.addWidget(summary)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 4, 4, 4)
        layout.setSpacing(8)
        layout.addWidget(self.box)
        layout.addWidget(ColourDot(look, choice.name))
        layout.addLayout(texts, 1)
        self.clicked.connect(self._toggle)

    def _toggle(self) -> None:
        if self.box.isEnabled():
            self.box.toggle()


class PolicyList(QWidget):
    """Every policy that can race; ``changed`` when one is ticked or unticked."""

    changed = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._rows: dict[str, PolicyRow] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)

    def show_choices(self, choices: Sequence[PolicyChoice], ticked: Sequence[str]) -> None:
        """List these policies, some of them ticked."""
        for row in self._rows.values():
            self._layout.removeWidget(row)
            row.deleteLater()
        self._rows = {choice.name: PolicyRow(choice, self._look) for choice in choices}
        for name, row in self._rows.items():
            row.box.setChecked(name in ticked)
            row.box.toggled.connect(self.changed)
            self._layout.addWidget(row)

    def ticked(self) -> list[str]:
        """Return the names that are ticked, in the order of the list."""
        return [name for name, row in self._rows.items() if row.box.isChecked()]

    def names(self) -> list[str]:
        """Return every name."""
        return list(self._rows)

    def tick(self, name: str, on: bool = True) -> None:
        """Tick or untick one."""
        self._rows[name].box.setChecked(on)

    def lock(self, locked: bool) -> None:
        """Forbid or allow changes."""
        for row in self._rows.values():
            row.box.setEnabled(not locked)

    def restyle(self) -> None:
        """Wear the theme in use."""
        for row in self._rows.values():
            row.update()
