"""The smallest window: its layout settles, and nothing in it is cut."""

from __future__ import annotations

import itertools
import math

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from app.charts.ranking import ROW_PX
from app.texts import METRICS
from app.window.elided_label import ElidedLabel
from app.window.race_tab import RaceTab
from app.window.verify_model import GOT

MANY_ROUNDS = 40
NESTED = 4
"""Layouts within layouts: a wish takes a round of the event loop through each."""


class Settling(QObject):
    """Counts how often the layout of the race tab is asked to change."""

    def __init__(self, tab: RaceTab) -> None:
        super().__init__(tab)
        self._asked = 0
        tab._page.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self._asked += event.type() == QEvent.Type.LayoutRequest
        return False

    def wait(self) -> None:
        """Let the event loop run until nobody asks any more."""
        quiet = 0
        for _ in range(MANY_ROUNDS):
            before = self._asked
            QApplication.processEvents()
            quiet = quiet + 1 if self._asked == before else 0
            if quiet == NESTED:
                return
        raise AssertionError(f"the layout of the race tab has not settled in {MANY_ROUNDS} rounds of the event loop")


def test_a_race_tab_that_is_too_low_for_its_charts_settles_and_scrolls(hands):
    window, tab = hands.window, hands.window.race_tab
    settling = Settling(tab)
    window.resize(window.minimumSize())
    hands.race_small(60)
    window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    window.log.show()
    settling.wait()
    assert tab._page.height() > tab.height()


@pytest.mark.parametrize("height", [600, 680])
def test_the_race_tab_needs_no_scrolling_when_all_its_titles_have_grown_by_a_line(hands, height):
    window, tab = hands.window, hands.window.race_tab
    settling = Settling(tab)
    window.resize(window.minimumWidth(), height)
    hands.race_small(60, ("round_robin", "mct", "met", "olb", "random", "oracle"))
    window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    for card in tab._cards():
        card.title.set_whole("a long finding " * 12)
    window.desk.screen.show_end()
    assert all(card.title.minimumHeight() > 0 for card in tab._cards())
    settling.wait()
    assert tab._page.height() <= tab.height() and tab.ranking.viewport().height() % ROW_PX == 0


def test_in_the_smallest_window_no_finding_is_cut_and_no_ticks_collide(hands):
    window = hands.window
    settling = Settling(window.race_tab)
    window.resize(window.minimumSize())
    hands.race_small(400, ("round_robin", "mct", "split_balance", "rl_agent", "hybrid_ml", "oracle"))
    window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    settling.wait()
    table = window.race_tab.ranking
    assert table.viewport().height() // ROW_PX >= 2 and table.viewport().height() % ROW_PX == 0
    assert table.columnViewportPosition(len(METRICS)) + table.columnWidth(len(METRICS)) <= table.viewport().width()
    for tab in (window.race_tab, window.cluster_tab, window.learning_tab):
        window.tabs.setCurrentWidget(tab)
        QApplication.processEvents()
        titles = [
            label for label in tab.findChildren(ElidedLabel) if label.isVisible() and label.objectName() != "muted"
        ]
        assert len(titles) >= 3
        assert not [label.text() for label in titles if "…" in label.text()]
        assert not [label.text() for label in titles if label.sizeHint().height() > label.height()]
        if tab is not window.learning_tab:
            assert tab._page.height() <= tab.height()
    window.tabs.setCurrentWidget(window.verify_tab)
    cases = window.verify_tab.table
    assert cases.columnViewportPosition(GOT) + cases.columnWidth(GOT) <= cases.viewport().width()
    window.tabs.setCurrentWidget(window.learning_tab)
    window.learning_tab.other_points.click()
    QApplication.processEvents()
    axis = window.learning_tab.calibration.getAxis("bottom")
    pixel = window.learning_tab.calibration.getViewBox().viewPixelSize()[0]
    (ticks,) = axis._tickLevels
    named = [(at / pixel, window.fontMetrics().horizontalAdvance(text)) for at, text in sorted(ticks) if text]
    assert all(b - a > (wide_a + wide_b) / 2 + 4 for (a, wide_a), (b, wide_b) in itertools.pairwise(named))
