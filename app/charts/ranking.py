"""The ranking: one row a policy, best first, every figure with a bar under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from app.charts.look import Look, paint_dot
from app.charts.ranking_model import RankingModel, header_font
from app.model_index import AnyIndex
from app.palette import is_clairvoyant
from app.texts import METRICS

if TYPE_CHECKING:
    from engine.frame import Frame, LaneFrame

ROW_PX = 30
NAME_COLUMN_PX, LEAST_NAME_PX = 150, 110
TITLE_MARGINS_PX = 16
FIGURE_MARGINS_PX = 12
MOST_ROWS = 6
LEAST_ROWS = 2
"""More rows than this scroll: the curves below need the room."""


def shared_out(room: int, needs: Sequence[int]) -> list[int]:
    """Share ``room`` out equally, but who needs more than that gets it from what the others can spare."""
    widths = list(needs)
    greediest_first = sorted(range(len(needs)), key=needs.__getitem__, reverse=True)
    for served, index in enumerate(greediest_first):
        widths[index] = max(needs[index], room // (len(needs) - served))
        room -= widths[index]
    return widths


class _Bars(QStyledItemDelegate):
    """Paints a figure over its bar; a disqualified policy greyed, with the reason instead of figures."""

    def __init__(self, look: Look, view: QTableView) -> None:
        super().__init__(view)
        self._look = look
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """Every row is equally high."""
        return QSize(80, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Paint one cell."""
        model = index.model()
        assert isinstance(model, RankingModel)
        lane = model.lanes[index.row()]
        tokens = self._look.tokens
        cell = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._view.selectionModel().isRowSelected(index.row(), QModelIndex()):
            painter.fillRect(cell, QColor(tokens.info_ground))
        out = lane.status == "disqualified"
        colour = QColor(tokens.faint) if out else self._look.colour(lane.scheduler)
        if index.column() == 0:
            self._paint_name(painter, cell, lane, colour)
        elif out:
            self._paint_reason(painter, cell, index.column(), lane)
        else:
            self._paint_figure(painter, cell, model, index, colour)
        painter.restore()

    def _paint_name(self, painter: QPainter, cell: QRectF, lane: LaneFrame, colour: QColor) -> None:
        tokens = self._look.tokens
        box = QRectF(cell.left() + 9, cell.center().y() - 4, 8, 8)
        paint_dot(painter, box, colour, self._look.style(lane.scheduler))
        painter.setPen(QColor(tokens.faint if lane.status == "disqualified" else tokens.text))
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        room = cell.adjusted(26, 0, -4, 0)
        note = " reference" if is_clairvoyant(lane.scheduler) else ""
        name = painter.fontMetrics().elidedText(lane.scheduler, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
        used = painter.fontMetrics().horizontalAdvance(name)
        font.setBold(False)
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        if note and used + painter.fontMetrics().horizontalAdvance(note) < room.width():
            painter.setPen(QColor(tokens.muted))
            painter.drawText(room.adjusted(used + 4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, note)

    def _paint_reason(self, painter: QPainter, cell: QRectF, column: int, lane: LaneFrame) -> None:
        """Paint the piece of the reason that falls into this cell: it runs across all of them."""
        header = self._view.horizontalHeader()
        start = cell.left() - sum(header.sectionSize(c) for c in range(1, column))
        width = sum(header.sectionSize(c) for c in range(1, header.count())) - 16
        text = painter.fontMetrics().elidedText(f"Disqualified: {lane.reason}", Qt.TextElideMode.ElideRight, width)
        painter.setClipRect(cell)
        painter.setPen(QColor(self._look.tokens.muted))
        painter.drawText(QRectF(start + 8, cell.top(), width + 8, cell.height()), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_figure(
        self, painter: QPainter, cell: QRectF, model: RankingModel, index: AnyIndex, colour: QColor
    ) -> None:
        tokens = self._look.tokens
        bar = QRectF(cell.left() + 8, cell.bottom() - 8, cell.width() - 20, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.grid))
        painter.drawRoundedRect(bar, 2, 2)
        share = model.share(index.row(), index.column())
        if share > 0:
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(4.0, bar.width() * share), 4), 2, 2)
        font = painter.font()
        font.setBold(METRICS[index.column() - 1].key == model.sort_key)
        painter.setFont(font)
        painter.setPen(QColor(tokens.text))
        text = model.text(index.row(), index.column())
        painter.drawText(cell.adjusted(8, 2, -4, -9), Qt.AlignmentFlag.AlignVCenter, text)


class RankingTable(QTableView):
    """Shows the ranking; ``selected`` names the policy whose row was clicked, ``sorted_by`` the metric."""

    selected = Signal(str)
    sorted_by = Signal(str)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.ranking = RankingModel()
        self._rows, self._most_rows = 4, MOST_ROWS
        self._widest_px = [0] * len(METRICS)
        self.setModel(self.ranking)
        self.setItemDelegate(_Bars(look, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.sectionClicked.connect(self._sort)
        self.clicked.connect(self._select)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width out anew."""
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """Share the width out: equally, but nothing is cut while another column has room to spare."""
        titles = QFontMetrics(header_font(bold=True))
        needs = [
            max(titles.horizontalAdvance(metric.title) + TITLE_MARGINS_PX, widest + FIGURE_MARGINS_PX)
            for metric, widest in zip(METRICS, self._widest_px, strict=True)
        ]
        room = self.viewport().width()
        name_px = max(min(NAME_COLUMN_PX, room - sum(needs)), LEAST_NAME_PX)
        widths = [name_px, *shared_out(room - name_px, needs)]
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width)

    def _make_room(self) -> None:
        """Widen columns for figures that are wider than any before in this race: they never become narrower in it."""
        bold = self.font()
        bold.setBold(True)  # they are where they are sorted by
        measure, model = QFontMetrics(bold), self.ranking
        racing = [row for row, lane in enumerate(model.lanes) if lane.status != "disqualified"]
        widest = [
            max([before, *(measure.horizontalAdvance(model.text(row, column)) for row in racing)])
            for column, before in enumerate(self._widest_px, start=1)
        ]
        if widest != self._widest_px:
            self._widest_px = widest
            self._share_width()

    def sizeHint(self) -> QSize:
        """Ask for room for every row, up to a point; the rest scrolls."""
        return QSize(400, self._head_px() + min(max(self._rows, 1), self._most_rows) * ROW_PX)

    def minimumSizeHint(self) -> QSize:
        """Never show part of a row."""
        return self.sizeHint()

    def fit(self, room_px: int) -> None:
        """Take so much of the height, in whole rows, and in a small window a few of them at least."""
        rows = min(max((room_px - self._head_px()) // ROW_PX, LEAST_ROWS), MOST_ROWS)
        if rows != self._most_rows:  # or asking for the same room again would never end
            self._most_rows = rows
            self.updateGeometry()

    def _head_px(self) -> int:
        return self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()

    def begin(self) -> None:
        """Forget the last race."""
        self.ranking.show_lanes(())
        self._widest_px = [0] * len(METRICS)

    def show_frame(self, frame: Frame) -> None:
        """Draw a frame; the selected policy stays selected wherever its row moves."""
        self.ranking.show_lanes(frame.lanes)
        self._make_room()
        if len(frame.lanes) != self._rows:
            self._rows = len(frame.lanes)
            self.updateGeometry()

    def mark(self, scheduler: str) -> None:
        """Show which policy is selected."""
        row = self.ranking.row_of(scheduler)
        if row >= 0 and not self.selectionModel().isRowSelected(row, QModelIndex()):
            self.selectRow(row)

    def restyle(self) -> None:
        """Wear the theme in use."""
        self.viewport().update()

    def _sort(self, section: int) -> None:
        if section:
            self.ranking.sort_by(METRICS[section - 1].key)
            self.sorted_by.emit(self.ranking.sort_key)

    def _select(self, index: QModelIndex) -> None:
        self.selected.emit(self.ranking.lanes[index.row()].scheduler)
