"""The Race tab: what was found, who leads, how the response times run, and what the devices do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QSizePolicy, QVBoxLayout, QWidget

from app.charts.look import Look, horizon_s
from app.findings import curves_title, ranking_title
from app.headline import Headline, running
from app.window.elided_label import ElidedLabel
from app.window.widgets import PAGE_MARGINS, Card, scrolled

if TYPE_CHECKING:
    from app.charts.curves import ResponseCurves
    from app.charts.ranking import RankingTable
    from app.charts.strip import DeviceStripChart
    from engine.cluster import Cluster
    from engine.frame import Frame

WORDS_EVERY_S = 0.5
"""The headline, the titles and the ranking change at most twice a second: faster, nobody can read them; and together:
a figure that two of them show is the same."""
STRIP_EVERY_S = 0.1


class RaceTab(QWidget):
    """Shows frames. ``selected`` names the policy whose devices are to be shown."""

    selected = Signal(str)
    sorted_by = Signal(str)
    ranking: RankingTable
    curves: ResponseCurves
    strip: DeviceStripChart

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._words_at = self._strip_at = 0.0
        self._told: Frame | None = None
        self._furnished = False
        self._page = QWidget()
        self._page.installEventFilter(self)
        self.headline, self.beyond = _headline(), ElidedLabel("", "muted")
        self.ranking_card = Card("Ranking", "The ranking of the policies appears here: response times, energy, cost.")
        self.curves_card = Card("Response times", "One line a policy: how long the tasks take that finish.")
        self.strip_card = Card("Devices", "What each device does: busy, idle, and how much queues for it.")
        self.lane = QComboBox()
        self.lane.setObjectName("lane")
        self.lane.setToolTip(
            "<p>The policy whose devices are shown; a click on a row of the ranking chooses it too.</p>"
        )
        self.lane.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.lane.hide()
        self.strip_card.head.addWidget(self.lane)
        self.lane.activated.connect(self._lane_chosen)
        self._lay_out()

    def _lay_out(self) -> None:
        whole, layout = QVBoxLayout(self), QVBoxLayout(self._page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolled(self._page))
        layout.setContentsMargins(*PAGE_MARGINS)
        layout.setSpacing(8)
        top = QFrame()
        top.setObjectName("card")
        words = QVBoxLayout(top)
        words.setContentsMargins(16, 9, 16, 9)
        words.setSpacing(2)
        words.addWidget(self.headline)
        words.addWidget(self.beyond)
        layout.addWidget(top)
        layout.addWidget(self.ranking_card)
        layout.addWidget(self.curves_card, 1)
        layout.addWidget(self.strip_card)
        for card in (self.ranking_card, self.strip_card):
            card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
            card.empty.setMinimumHeight(60)

    def furnish(self, sort_by: str) -> None:
        """Make the charts: after the first paint, for they bring pyqtgraph in."""
        from app.charts.curves import ResponseCurves
        from app.charts.ranking import RankingTable
        from app.charts.strip import DeviceStripChart

        self.ranking, self.curves, self.strip = (
            RankingTable(self._look),
            ResponseCurves(self._look),
            DeviceStripChart(self._look),
        )
        self.ranking.ranking.sort_key = sort_by
        self.ranking.selected.connect(self.selected)
        self.ranking.sorted_by.connect(self._title_ranking)
        self.ranking.sorted_by.connect(self.sorted_by)
        self.ranking_card.hold(self.ranking)
        self.curves_card.hold(self.curves)
        self.strip_card.hold(self.strip)
        self._furnished = True

    def say(self, text: Headline) -> None:
        """Show a headline."""
        self.headline.set_whole(text.finding)
        self.beyond.set_whole(text.beyond)

    def begin(self, cluster: Cluster, lanes: list[str], selected: str) -> None:
        """Empty the charts for another race."""
        self.ranking.begin()
        self.curves.begin()
        self.strip.begin(cluster)
        self.lane.clear()
        self.lane.addItems(lanes)
        self.lane.setCurrentText(selected)
        self.lane.show()
        self._words_at, self._told = 0.0, None
        for card in self._cards():
            card.begin()
        self._fit_ranking()

    def clear(self) -> None:
        """Show what was there before the first race."""
        self.lane.hide()
        for card in self._cards():
            card.clear()

    def select(self, scheduler: str) -> None:
        """Mark the policy whose devices are shown."""
        self.lane.setCurrentText(scheduler)
        self.ranking.mark(scheduler)

    def show_frame(self, frame: Frame, headline: Headline | None = None) -> None:
        """Draw a frame; figures and words seldom enough to be read, and together. With a ``headline`` everything."""
        now = time.monotonic()
        self.curves.show_frame(frame)
        if headline is not None or now - self._strip_at >= STRIP_EVERY_S:
            self._strip_at = now
            self.strip.show_frame(frame)
            self.strip.update()
        if headline is not None or now - self._words_at >= WORDS_EVERY_S:
            self._words_at = now
            self.ranking.show_frame(frame)
            self.ranking.mark(self.lane.currentText())
            self._titles(frame)
            self.say(running(frame) if headline is None else headline)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let a title that has grown by a line take a row of the ranking."""
        if event.type() == QEvent.Type.LayoutRequest and self._furnished:
            is_too_high = self._page.minimumSizeHint().height() > self.height()
            if is_too_high:
                self._fit_ranking()
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the height out anew."""
        super().resizeEvent(event)
        if self._furnished:
            self._fit_ranking()

    def paint_now(self) -> None:
        """Paint what changed, at once: the race waits meanwhile."""
        self.curves.viewport().repaint()  # and with it all else in the window that is due

    def restyle(self) -> None:
        """Wear the theme in use."""
        if self._furnished:
            self.ranking.restyle()
            self.curves.restyle()
            self.strip.restyle()

    def _fit_ranking(self) -> None:
        """Let the ranking have what the others do not need."""
        others_px = self._page.minimumSizeHint().height() - self.ranking.sizeHint().height()
        self.ranking.fit(self.height() - others_px)

    def _titles(self, frame: Frame) -> None:
        self._told = frame
        self._title_ranking(self.ranking.ranking.sort_key)
        self.curves_card.title.set_whole(curves_title(frame, 0.05 * horizon_s(frame)))
        self.strip_card.title.set_whole(self.strip.title())

    def _title_ranking(self, key: str) -> None:
        """Say what the ranking shows, also when it is sorted by another metric and no more frames come."""
        if self._told is not None:
            self.ranking_card.title.set_whole(ranking_title(self._told, key))

    def _cards(self) -> tuple[Card, ...]:
        return self.ranking_card, self.curves_card, self.strip_card

    def _lane_chosen(self) -> None:
        self.selected.emit(self.lane.currentText())


def _headline() -> ElidedLabel:
    label = ElidedLabel("Getting ready …", "headline")
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 1.5)
    label.setFont(font)
    return label
