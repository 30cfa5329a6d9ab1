"""The Cluster tab: how busy the devices are under each policy, and where the work went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.charts.look import Look
from app.findings import utilisation_title, work_title
from app.window.widgets import PAGE_MARGINS, Card, scrolled

if TYPE_CHECKING:
    from app.charts.utilisation import UtilisationChart
    from app.charts.work import WorkChart
    from engine.cluster import Cluster, Kind
    from engine.frame import Frame

WORDS_EVERY_S = 0.5
LEAST_PX = 130
"""The lines of many policies need that height; where their work needs more than the rest, the tab scrolls."""
KINDS: tuple[Kind, ...] = ("cpu", "gpu")


class ClusterTab(QWidget):
    """Shows frames while it is visible."""

    work: WorkChart

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._words_at = 0.0
        self.utilisation: dict[Kind, UtilisationChart] = {}
        self.cards: dict[Kind, Card] = {
            kind: Card(
                f"{kind.upper()} utilisation", f"How busy the {kind.upper()}s are appears here, one line a policy."
            )
            for kind in KINDS
        }
        self.work_card = Card("Where the work went", "Which tasks ran on CPUs, on GPUs, or were split over both.")
        self._page = QWidget()
        whole, layout = QVBoxLayout(self), QVBoxLayout(self._page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolled(self._page))
        layout.setContentsMargins(*PAGE_MARGINS)
        layout.setSpacing(8)
        top = QHBoxLayout()
        top.setSpacing(8)
        for card in self.cards.values():
            top.addWidget(card, 1)
        layout.addLayout(top, 1)
        layout.addWidget(self.work_card)

    def furnish(self) -> None:
        """Make the charts."""
        from app.charts.utilisation import UtilisationChart
        from app.charts.work import WorkChart

        self.utilisation = {kind: UtilisationChart(self._look, kind) for kind in self.cards}
        for kind, chart in self.utilisation.items():
            chart.setMinimumHeight(LEAST_PX)
            self.cards[kind].hold(chart)
        self.work = WorkChart(self._look)
        self.work_card.hold(self.work)

    def begin(self, cluster: Cluster) -> None:
        """Empty the charts for another race; what the cluster does not have is not shown."""
        self._words_at = 0.0
        for kind, card in self.cards.items():
            card.setVisible(bool(cluster.of_kind(kind)))
        self.work_card.setVisible(all(cluster.of_kind(kind) for kind in KINDS))
        for chart in self._charts():
            chart.begin()
        for card in (*self.cards.values(), self.work_card):
            card.begin()

    def clear(self) -> None:
        """Show what was there before the first race."""
        for card in (*self.cards.values(), self.work_card):
            card.show()
            card.clear()

    def show_frame(self, frame: Frame, everything: bool = False) -> None:
        """Draw a frame; titles change at most twice a second, or with ``everything``."""
        for chart in self._charts():
            chart.show_frame(frame)
        now = time.monotonic()
        if everything or now - self._words_at >= WORDS_EVERY_S:
            self._words_at = now
            for kind, card in self.cards.items():
                card.title.set_whole(utilisation_title(frame, kind))
            self.work_card.title.set_whole(work_title(frame))

    def paint_now(self) -> None:
        """Paint what changed, at once: the race waits meanwhile."""
        self.work.repaint()  # and with it all else in the window that is due

    def restyle(self) -> None:
        """Wear the theme in use."""
        for chart in self._charts():
            chart.restyle()

    def _charts(self) -> list[UtilisationChart | WorkChart]:
        """Return the charts there are: none before :meth:`furnish`."""
        return [*self.utilisation.values(), self.work] if self.utilisation else []
