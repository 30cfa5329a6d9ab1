"""The page of the settings about runs that were recorded: how long they are kept, how durable their journals are."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QFormLayout, QFrame, QLabel, QRadioButton, QSpinBox, QVBoxLayout

from app.dialogs.page import Page
from persistence.settings import JOURNAL_SYNC, StorageSettings

POLICIES = {
    "each": ("Each batch at once: 5 to 60 µs a row", "A power cut takes nothing that is recorded."),
    "group": ("At most every 50 ms: 0.2 to 0.8 µs a row", "A power cut takes the last fifth of a second at most."),
    "system": (
        "Left to the system: 0.2 to 0.6 µs a row",
        "A power cut may take the last half minute, but nothing that is in a database.",
    ),
}
"""What each costs in batches of 50 rows (tests/benchmarks/test_journal_sync.py), and what a power cut takes."""
OFF = "off: all are kept"
MOST = 100_000
INDENT_PX = 24


class KeepingFields(Page):
    """What is deleted by itself, which is nothing by default, and when journals are made durable."""

    def __init__(self) -> None:
        super().__init__()
        self.runs, self.days = _count(" runs"), _count(" days")
        self.about_keeping = _muted("")
        self.policies = QButtonGroup(self)
        for title, card in (("Old runs", self._old_runs()), ("When journals are made durable", self._durability())):
            heading = QLabel(title)
            heading.setObjectName("cardTitle")
            self.column.addWidget(heading)
            self.column.addWidget(card)
        self.column.addStretch(1)
        self.runs.valueChanged.connect(self._explain)
        self.days.valueChanged.connect(self._explain)
        self._explain()

    def _old_runs(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        fields = QFormLayout(card)
        fields.setContentsMargins(16, 14, 16, 14)
        fields.setSpacing(10)
        fields.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        fields.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        fields.addRow("Keep the newest", self.runs)
        fields.addRow("Keep those of the last", self.days)
        fields.addRow(self.about_keeping)
        return card

    def _durability(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        choices = QVBoxLayout(card)
        choices.setContentsMargins(16, 14, 16, 14)
        choices.setSpacing(4)
        for number, name in enumerate(JOURNAL_SYNC):
            title, meaning = POLICIES[name]
            button, about = QRadioButton(title), _muted(meaning)
            about.setContentsMargins(INDENT_PX, 0, 0, 6)
            self.policies.addButton(button, number)
            choices.addWidget(button)
            choices.addWidget(about)
        choices.addWidget(_muted("Measured on our test machine in batches of 50 rows, its disk idle and busy."))
        return card

    def show_settings(self, settings: StorageSettings) -> None:
        """Show what is set."""
        self.runs.setValue(settings.keep_runs or 0)
        self.days.setValue(settings.keep_days or 0)
        self.policies.button(JOURNAL_SYNC.index(settings.journal_sync)).setChecked(True)

    def changed(self, settings: StorageSettings) -> StorageSettings:
        """Return the settings with what the fields say."""
        return replace(
            settings,
            keep_runs=self.runs.value() or None,
            keep_days=self.days.value() or None,
            journal_sync=JOURNAL_SYNC[self.policies.checkedId()],
        )

    def _explain(self) -> None:
        if not self.runs.value() and not self.days.value():
            self.about_keeping.setText("Nothing is deleted by itself; 'schedrace cleanup' deletes what you name.")
            return
        either = " that neither of the two keeps" if self.runs.value() and self.days.value() else ""
        self.about_keeping.setText(
            f"All other runs of this machine{either} are deleted for good, rows and journals, in the background: now "
            "and at each start. Never one that is going on, that can still be resumed, or that has not arrived in the "
            "database."
        )


def _count(unit: str) -> QSpinBox:
    field = QSpinBox()
    field.setRange(0, MOST)
    field.setSpecialValueText(OFF)
    field.setSuffix(unit)
    field.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    field.lineEdit().setTextMargins(5, 0, 0, 0)
    return field


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setObjectName("muted")
    return label
