"""A table of figures that are ready to show: the policies, and the devices as one of them saw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from app.charts.look import Look, paint_dot
from app.decision_findings import Cell, Column
from app.model_index import AnyIndex

ROW_PX = 26
DOT_PX = 12
WIDTH_ROWS = 20
"""First rows that a column is made as wide as: as many as are seen."""
KEPT = 256
"""Rows that are not asked for again: more than are seen at once."""
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CellModel(QAbstractTableModel):
    """Rows of cells under columns whose tooltips say what they mean; ``texts`` are the columns that are no figures."""

    def __init__(self, look: Look, columns: Sequence[Column], texts: Sequence[int]) -> None:
        super().__init__()
        self._look = look
        self._columns, self._texts = columns, texts
        self._row: Callable[[int], Sequence[Cell]] = _no_row
        self._count = 0

    def show_rows(self, count: int, row: Callable[[int], Sequence[Cell]]) -> None:
        """Show so many rows; ``row`` is asked for one when it is seen, and may end early."""
        self.beginResetModel()
        self._count, self._row = count, lru_cache(KEPT)(row)
        self.endResetModel()

    def cell(self, row: int, column: int) -> Cell:
        """Return a cell, an empty one behind the end of its row."""
        cells = self._row(row)
        return cells[column] if column < len(cells) else Cell("")

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """As many as are shown."""
        return self._count

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """As many as there are titles."""
        return len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Return titles, and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"<p>{escape(column.meaning)}</p>"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if section in self._texts else RIGHT
        return None

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        """Return texts, their look, and what they mean."""
        cell = self.cell(index.row(), index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            column = self._columns[index.column()]
            whole = f"<p><b>{escape(cell.text)}</b></p>" if index.column() in self._texts and cell.text else ""
            return f"{whole}<p>{escape(column.meaning)}</p>"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if index.column() in self._texts else RIGHT
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._look.tokens.good) if cell.good else None
        if role == Qt.ItemDataRole.FontRole and cell.strong:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.DecorationRole and cell.dot:
            return _dot(self._look, cell.dot)
        return None


class CellTable(QTableView):
    """Shows a :class:`CellModel`; columns are as wide as they need, ``wide`` takes the rest."""

    def __init__(self, model: CellModel, wide: int) -> None:
        super().__init__()
        self.setObjectName("decisions")
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setItemDelegate(_KeepsColours(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setResizeContentsPrecision(WIDTH_ROWS)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)

    def sizeHint(self) -> QSize:
        """Wish for no more than the height that was set: a stack of widgets asks for nothing else."""
        return QSize(super().sizeHint().width(), self.minimumHeight())


def _no_row(row: int) -> Sequence[Cell]:
    return ()


class _KeepsColours(QStyledItemDelegate):
    """Paints the chosen row with the colours of its cells."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Use the colour of the text for the text of a chosen row (Qt's hook)."""
        super().initStyleOption(option, index)
        palette = option.palette
        palette.setBrush(QPalette.ColorRole.HighlightedText, palette.brush(QPalette.ColorRole.Text))
        option.palette = palette


def _dot(look: Look, policy: str) -> QIcon:
    """Return the dot of a policy, a ring for a reference, as everywhere in the window."""
    picture = QPixmap(2 * DOT_PX, 2 * DOT_PX)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_dot(painter, QRectF(2, 2, DOT_PX - 4, DOT_PX - 4), look.colour(policy), look.style(policy))
    painter.end()
    shown = QIcon(picture)
    shown.addPixmap(picture, QIcon.Mode.Selected)
    return shown
