"""When splitting pays: a page of the Learning tab with two phase maps, of time and of energy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.charts.look import Look
from app.window.widgets import Card, column, muted_text

if TYPE_CHECKING:
    from app.charts.phase import PhaseChart
    from engine.cluster import Cluster
    from engine.workload import Workload


class SplittingPage(QWidget):
    """Drawn once a race, when it is first looked at."""

    time: PhaseChart
    energy: PhaseChart

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._drawn: tuple[Workload, Cluster] | None = None
        self.back = QPushButton("What was learned")
        self.back.setObjectName("link")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words_card = Card("When does splitting pay?", "")
        self.words_card.head.addWidget(self.back)
        self.words_card.hold(self.words)
        self.words_card.begin()
        self.words_card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.cards = Card("Time", ""), Card("Energy", "")
        self.legends = muted_text(), muted_text()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self.words_card)
        charts = QHBoxLayout()
        charts.setSpacing(8)
        for card in self.cards:
            charts.addWidget(card, 1)
        layout.addLayout(charts, 1)

    def show_race(self, workload: Workload, cluster: Cluster) -> None:
        """Draw the maps of a race."""
        if self._drawn is not None and self._drawn[0] is workload and self._drawn[1] is cluster:
            return
        from app.phase_map import phase_map
        from app.texts import percent
        from engine.errors import InputError

        self._make_charts()
        self._drawn = workload, cluster
        try:
            found = phase_map(workload, cluster)
        except InputError as error:
            for card in self.cards:
                card.clear()
            self.words.setText(str(error))
            return
        self.words.setText(found.sentence())
        self.time.show_map(found, found.time_saved)
        self.energy.show_map(found, found.energy_change)
        for card in self.cards:
            card.begin()
        much = "more" if found.energy >= 0 else "less"
        self.cards[0].title.set_whole(f"Splitting saves {percent(found.saved)} of the time here")
        self.cards[1].title.set_whole(f"It takes {percent(abs(found.energy))} {much} energy here")
        self.restyle()

    def restyle(self) -> None:
        """Wear the theme in use."""
        if self._drawn is not None:
            for chart, legend in zip((self.time, self.energy), self.legends, strict=True):
                chart.restyle()
                legend.setText(chart.legend())

    def _make_charts(self) -> None:
        """Make the charts, the first time."""
        if self._drawn is not None:
            return
        from app.charts.phase import ENERGY, TIME, PhaseChart, energy_change, saving

        self.time = PhaseChart(self._look, TIME, saving)
        self.energy = PhaseChart(self._look, ENERGY, energy_change)
        for card, chart, legend in zip(self.cards, (self.time, self.energy), self.legends, strict=True):
            card.hold(column(chart, legend, growing=chart))
