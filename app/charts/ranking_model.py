"""The figures of the ranking: the lanes of the latest frame, sorted by one metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QFont

from app.model_index import AnyIndex
from app.texts import METRICS, percent, plural

if TYPE_CHECKING:
    from engine.frame import LaneFrame


class RankingModel(QAbstractTableModel):
    """The lanes of the latest frame, sorted by one metric."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: list[LaneFrame] = []
        self.sort_key = METRICS[0].key
        self._most: dict[str, float] = {}

    def show_lanes(self, lanes: tuple[LaneFrame, ...]) -> None:
        """Take the lanes of a frame."""
        if len(lanes) != len(self.lanes):
            self.beginResetModel()
            self.lanes = list(lanes)
            self.endResetModel()
        self.lanes = sorted(lanes, key=self._order)
        self._most = {m.key: self._largest(m.key) for m in METRICS}
        self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def sort_by(self, key: str) -> None:
        """Sort by another metric."""
        self.sort_key = key
        self.show_lanes(tuple(self.lanes))
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)

    def value(self, row: int, column: int) -> float:
        """Return the figure in a metric's column (nan: not known)."""
        return float(getattr(self.lanes[row], METRICS[column - 1].key))

    def text(self, row: int, column: int) -> str:
        """Return the figure in a metric's column as it is shown."""
        return METRICS[column - 1].show(self.value(row, column))

    def share(self, row: int, column: int) -> float:
        """Return the length of the bar, 0..1 of the longest in the column."""
        most = self._most.get(METRICS[column - 1].key, 0.0)
        value = self.value(row, column)
        return max(value, 0.0) / most if most > 0 and math.isfinite(value) else 0.0

    def row_of(self, scheduler: str) -> int:
        """Return the row of a policy, -1 where it does not race."""
        return next((i for i, lane in enumerate(self.lanes) if lane.scheduler == scheduler), -1)

    def _largest(self, key: str) -> float:
        return max((v for lane in self.lanes if math.isfinite(v := getattr(lane, key))), default=0.0)

    def _order(self, lane: LaneFrame) -> tuple[bool, bool, float]:
        value = getattr(lane, self.sort_key)
        known = math.isfinite(value)
        return lane.status == "disqualified", not known, value if known else 0.0

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """One row a lane."""
        return len(self.lanes)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """The name and the metrics."""
        return 1 + len(METRICS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Return titles and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            if section == 0:
                return "Policy"
            return METRICS[section - 1].title
        if role == Qt.ItemDataRole.FontRole:
            return header_font(bold=section > 0 and METRICS[section - 1].key == self.sort_key)
        if role == Qt.ItemDataRole.ToolTipRole:
            meaning = METRICS[section - 1].meaning if section else "Click a row to see that policy's devices below."
            return f"<p>{meaning}</p>" + ("<p><b>Click to sort by it.</b></p>" if section else "")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        """Return texts and tooltips; the delegate paints."""
        lane = self.lanes[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == 0:
                return lane.scheduler
            return self.text(index.row(), index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"<p>{_state(lane)}</p>"
        return None


def _state(lane: LaneFrame) -> str:
    done = f"{plural(lane.finished, 'task')} finished, {lane.backlog:,} in the system"
    if lane.status == "disqualified":
        return f"{lane.scheduler} was disqualified: {lane.reason} ({done})"
    learned = f"; {plural(lane.models, 'model')} learned so far" if lane.models else ""
    above = f"; mean response {percent(lane.gap)} above the lower bound" if math.isfinite(lane.gap) else ""
    return f"{lane.scheduler}: {done}{learned}{above}"


def header_font(bold: bool) -> QFont:
    """Return the font of the titles; that of the metric that it is sorted by is bold."""
    font = QFont()
    font.setPointSizeF(font.pointSizeF() * 0.92)
    font.setBold(bold)
    return font
