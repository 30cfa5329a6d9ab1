"""The table of the Verify page: a row a case, filled as the cases are run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QColor

from app.model_index import AnyIndex
from app.theme import Theme

if TYPE_CHECKING:
    from app.verify.case import Case
    from app.verify.running import Outcome

COLUMNS = ("Result", "Case", "Expected", "Got", "Time", "Source")
RESULT, CASE, EXPECTED, GOT, TIME, SOURCE = range(len(COLUMNS))


class VerifyModel(QAbstractTableModel):
    """Cases in their order; ``running`` is the row that is being run, -1 when none is."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.cases: list[Case] = []
        self.outcomes: list[Outcome] = []
        self.running = -1

    def show_cases(self, cases: list[Case]) -> None:
        """Take the cases, none of which has been run."""
        self.beginResetModel()
        self.cases, self.outcomes, self.running = cases, [], -1
        self.endResetModel()

    def begin(self) -> None:
        """Forget the outcomes: the first case runs."""
        self.outcomes, self.running = [], 0
        self._changed(0, len(self.cases) - 1)

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of the case that ran."""
        self.outcomes.append(outcome)
        self.running = len(self.outcomes) if len(self.outcomes) < len(self.cases) else -1
        self._changed(len(self.outcomes) - 1, max(self.running, len(self.outcomes) - 1))

    def end(self) -> None:
        """No case runs any more."""
        row, self.running = self.running, -1
        if row >= 0:
            self._changed(row, row)

    def _changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """One row a case."""
        return len(self.cases)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """See :data:`COLUMNS`."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Return the titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignVCenter | _side(section)
        return None

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        """Return texts, colours and tooltips."""
        case = self.cases[index.row()]
        outcome = self.outcomes[index.row()] if index.row() < len(self.outcomes) else None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(index.row(), index.column(), case, outcome)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(index.column(), outcome)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignVCenter | _side(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            reason = f"<p><b>{escape(outcome.reason)}</b></p>" if outcome is not None and outcome.reason else ""
            about = (case.title or case.id, case.source, f"{case.scheduler}: {case.metric}")
            return reason + "".join(f"<p>{escape(text)}</p>" for text in about)
        return None

    def _text(self, row: int, column: int, case: Case, outcome: Outcome | None) -> str:
        if column == CASE:
            return case.title or case.id
        if column == SOURCE:
            return case.source
        if column == EXPECTED:
            return _figure(case.expected, outcome.tolerance if outcome is not None else case.tolerance)
        if outcome is None:
            return "running …" if column == RESULT and row == self.running else ""
        if column == RESULT:
            return outcome.status
        if column == GOT:
            return "" if outcome.got is None else _figure(outcome.got)
        return "" if outcome.status == "no data" else f"{outcome.seconds:.1f} s"

    def _colour(self, column: int, outcome: Outcome | None) -> QColor | None:
        tokens = self._theme.tokens
        if column in (TIME, SOURCE):
            return QColor(tokens.muted)
        if column != RESULT:
            return None
        if outcome is None or outcome.status == "no data":
            return QColor(tokens.muted)
        return QColor(tokens.good if outcome.status == "pass" else tokens.bad)


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignRight if column in (EXPECTED, GOT, TIME) else Qt.AlignmentFlag.AlignLeft


def _figure(value: float, tolerance: float = 0.0) -> str:
    return f"{value:,.12g}" + (f" ± {tolerance:.2g}" if tolerance else "")
