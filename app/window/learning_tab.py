"""The Learning tab: what a policy has learned of the devices, whether it pays, and what its times hang on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.charts.look import Look
from app.window.splitting_page import SplittingPage
from app.window.task_field import TaskField
from app.window.widgets import PAGE_MARGINS, Card, column, muted_text, scrolled

if TYPE_CHECKING:
    from app.charts.calibration import CalibrationChart
    from app.charts.errors import ErrorChart
    from app.charts.importance import ImportanceBars
    from app.charts.predictions import PredictionChart
    from engine.cluster import Cluster
    from engine.frame import Frame, LaneFrame
    from engine.workload import Workload

WORDS_EVERY_S = 0.5
CHARTS_EVERY_S = 0.2
INVITATION, LEARNED, SPLITTING = range(3)
PREDICTED, CALIBRATED = range(2)
FACTS_PX = 136
LEAST_PX = 240
"""Of the charts: where there is less room below the facts, the tab scrolls."""
SURE = "How sure is it?"
BEFORE = (
    "What learning policies believe, and how wrong they are, appears here while they race. "
    "hybrid_ml learns; so does every policy whose name ends in +forest, as mct+forest."
)
NOBODY = (
    "No policy of this race learns how long tasks take. Tick hybrid_ml, or give a race file a policy whose name ends "
    "in +forest, as mct+forest, and race again. (rl_agent, bandit and hybrid_fraction learn what to choose, not how "
    "long tasks take: there is nothing of theirs to compare with what was observed.)"
)


class LearningTab(QWidget):
    """Shows frames while it is visible: one learning policy at a time, or when splitting pays.

    ``task_entered`` with what was written into a task field, ``task_clicked`` with the task of a point.
    """

    task_entered = Signal(str)
    task_clicked = Signal(int)
    predictions: PredictionChart
    errors: ErrorChart
    importance: ImportanceBars

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._words_at = self._charts_at = 0.0
        self._furnished = self._judged = False
        self.calibration: CalibrationChart | None = None
        self._frame: Frame | None = None
        self._race: tuple[Workload, Cluster] | None = None
        self.distances: Sequence[str] = ()
        self.invitation = Card("Learning", BEFORE)
        self.splitting = SplittingPage(look)
        self.splitting.back.clicked.connect(self._close_splitting)
        self.lane = QComboBox()
        self.lane.setObjectName("lane")
        self.lane.setToolTip("<p>The learning policy that is shown.</p>")
        self.lane.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.lane.activated.connect(self._chosen)
        self.facts_card = Card("What has been learned", "")
        self.other_points = QPushButton(SURE)
        self.other_points.setObjectName("link")
        self.other_points.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.other_points.hide()
        self.other_points.clicked.connect(self._turn_points)
        self.facts_card.head.addWidget(self.lane)
        self.fields = [self._field_on(card) for card in (self.invitation, self.facts_card)]
        self.links = [self._link_on(card) for card in (self.invitation, self.facts_card)]
        self.predictions_card = Card("Predicted against actual", "")
        self.legend, self.calibration_legend = muted_text(), muted_text()
        self.points = QStackedWidget()
        self.errors_card = Card("Error over time", "")
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()

    def _lay_out(self) -> None:
        page = QWidget()
        inside = QVBoxLayout(page)
        inside.setContentsMargins(*PAGE_MARGINS)
        inside.setSpacing(8)
        inside.addWidget(self.facts_card)
        charts = QHBoxLayout()
        charts.setSpacing(8)
        charts.addWidget(self.predictions_card, 2)
        charts.addWidget(self.errors_card, 3)
        for card in (self.predictions_card, self.errors_card):
            card.setMinimumHeight(LEAST_PX)
        inside.addLayout(charts, 1)
        self.facts_card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        first = QWidget()
        alone = QVBoxLayout(first)
        alone.setContentsMargins(10, 8, 10, 8)
        alone.addWidget(self.invitation)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(first)
        self._stack.addWidget(scrolled(page))
        self._stack.addWidget(self.splitting)

    def furnish(self) -> None:
        """Make the charts."""
        from app.charts.errors import ErrorChart
        from app.charts.importance import ImportanceBars
        from app.charts.predictions import PredictionChart

        self.predictions, self.errors = PredictionChart(self._look), ErrorChart(self._look)
        self.importance = ImportanceBars(self._look)
        self.predictions.clicked.connect(self.task_clicked)
        self.points.addWidget(column(self.predictions, self.legend, growing=self.predictions))
        self.predictions_card.hold(column(self.points, self.other_points, growing=self.points))
        self.errors_card.hold(self.errors)
        self.facts_card.hold(self._facts_panel())
        self.facts_card.begin()
        self._furnished = True

    def begin(self, workload: Workload, cluster: Cluster) -> None:
        """Empty the charts for another race."""
        self._race = workload, cluster
        self._words_at = self._charts_at = 0.0
        self._frame, self.distances = None, ()
        self.predictions.begin()
        if self.calibration is not None:
            self.calibration.begin()
        self._offer_points(False)
        self.errors.begin()
        self.lane.clear()
        self._stack.setCurrentIndex(INVITATION)
        for widget in (*self.links, *self.fields):
            widget.show()

    def clear(self) -> None:
        """Show what was there before the first race."""
        self._frame = self._race = None
        self._stack.setCurrentIndex(INVITATION)
        for widget in (*self.links, *self.fields):
            widget.hide()
        self.invitation.empty.setText(BEFORE)

    def conclude(self, distances: Sequence[str]) -> None:
        """Take what knowing and learning have brought each rule, in sentences, when the race is over."""
        self.distances = distances

    def show_frame(self, frame: Frame, everything: bool = False) -> None:
        """Draw a frame; charts change at most five times a second, words twice, or with ``everything``."""
        self._frame = frame
        learning = [lane for lane in frame.lanes if lane.learning is not None]
        if self._stack.currentIndex() != SPLITTING:
            self._stack.setCurrentIndex(LEARNED if learning else INVITATION)
        if not learning:
            self.invitation.empty.setText(NOBODY)
            return
        self._offer([lane.scheduler for lane in learning])
        lane = next(lane for lane in learning if lane.scheduler == self.lane.currentText())
        assert lane.learning is not None
        now = time.monotonic()
        if everything or now - self._charts_at >= CHARTS_EVERY_S:
            self._charts_at = now
            self._bring_forward(lane, frame.done)
            self._offer_points(bool(lane.learning.calibration))
            if self.calibration is not None and self.points.currentIndex() == CALIBRATED:
                self.calibration.show_learning(lane.scheduler, lane.learning)
            else:
                self.predictions.show_learning(lane.scheduler, lane.learning)
            self.errors.show_lane(lane, frame.tasks)
        if everything or now - self._words_at >= WORDS_EVERY_S:
            self._words_at = now
            self._say(lane, frame.done)

    def mark(self, task: int) -> None:
        """Mark the points of a task."""
        self.predictions.mark(task)

    def paint_now(self) -> None:
        """Paint what changed, at once: the race waits meanwhile."""
        self.facts.repaint()  # and with it all else in the window that is due

    def restyle(self) -> None:
        """Wear the theme in use."""
        if self._furnished:
            self.predictions.restyle()
            if self.calibration is not None:
                self.calibration.restyle()
            self.errors.restyle()
            self.splitting.restyle()
            self.importance.update()
            self._say_legends()

    def _facts_panel(self) -> QWidget:
        panel = QWidget()
        row = QHBoxLayout(panel)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)  # and the room of the bar
        row.addWidget(scrolled(self.facts), 3)
        row.addWidget(self.importance, 2, Qt.AlignmentFlag.AlignTop)
        panel.setFixedHeight(FACTS_PX)
        return panel

    def _field_on(self, card: Card) -> TaskField:
        field = TaskField()
        field.hide()
        field.entered.connect(self.task_entered)
        card.head.addWidget(field)
        return field

    def _link_on(self, card: Card) -> QPushButton:
        link = QPushButton("When does splitting pay?")
        link.setObjectName("link")
        link.hide()
        link.clicked.connect(self._open_splitting)
        card.head.addWidget(link)
        return link

    def _open_splitting(self) -> None:
        assert self._race is not None, "the link is hidden before the first race"
        self._stack.setCurrentIndex(SPLITTING)
        self.splitting.show_race(*self._race)

    def _close_splitting(self) -> None:
        self._stack.setCurrentIndex(INVITATION)
        if self._frame is not None:
            self.show_frame(self._frame, everything=True)

    def _offer_points(self, states: bool) -> None:
        """Offer the calibration of a learner that states a spread; of another one the predictions are shown."""
        self.other_points.setVisible(states)
        if not states:
            self._show_points(PREDICTED)

    def _turn_points(self) -> None:
        self._show_points(CALIBRATED if self.points.currentIndex() == PREDICTED else PREDICTED)
        self._chosen()

    def _show_points(self, page: int) -> None:
        if page == CALIBRATED and self.calibration is None:  # few look at it
            from app.charts.calibration import CalibrationChart

            self.calibration = CalibrationChart(self._look)
            self.points.addWidget(column(self.calibration, self.calibration_legend, growing=self.calibration))
        self.points.setCurrentIndex(page)
        self.other_points.setText(SURE if page == PREDICTED else "How far off?")

    def _bring_forward(self, lane: LaneFrame, over: bool) -> None:
        from app.learning_findings import unjudged

        assert lane.learning is not None
        judged = lane.learning.fits > 0
        if not judged:
            for card in (self.predictions_card, self.errors_card):
                card.empty.setText(unjudged(lane, over))
        if judged != self._judged:
            self._judged = judged
            for card in (self.predictions_card, self.errors_card):
                if judged:
                    card.begin()
                else:
                    card.clear()

    def _offer(self, names: list[str]) -> None:
        if [self.lane.itemText(i) for i in range(self.lane.count())] != names:
            self.lane.clear()
            self.lane.addItems(names)
            self.lane.setVisible(len(names) > 1)

    def _chosen(self) -> None:
        if self._frame is not None:
            self.show_frame(self._frame, everything=True)

    def _say(self, lane: LaneFrame, over: bool) -> None:
        from html import escape

        from app.learning_findings import calibration_title, error_title, facts, prediction_title

        assert lane.learning is not None
        self.facts_card.title.set_whole(f"What {lane.scheduler} has learned")
        of_points = prediction_title if self.points.currentIndex() == PREDICTED else calibration_title
        self.predictions_card.title.set_whole(of_points(lane))
        self.errors_card.title.set_whole(error_title(lane))
        paragraphs = (
            f"<p style='margin: 0 0 4px 0'>{escape(text)}</p>" for text in (*facts(lane, over), *self.distances)
        )
        self.facts.setText("".join(paragraphs))
        self.importance.show_importance(lane.scheduler, lane.learning.importance)
        self._say_legends()

    def _say_legends(self) -> None:
        self.legend.setText(self.predictions.legend())
        if self.calibration is not None:
            self.calibration_legend.setText(self.calibration.legend())
