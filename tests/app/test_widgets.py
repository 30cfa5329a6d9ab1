"""The pieces that several parts of the window are made of."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFrame, QVBoxLayout, QWidget

from app.window.widgets import Card, scrolled

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

MANY = 10


class Resizes(QObject):
    """Counts how often a page is resized, and ends it after many: Qt would go on until the stack is full."""

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self.count = 0
        page.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.count += 1
        return self.count > MANY


def test_a_title_that_takes_two_lines_only_beside_the_scroll_bar_does_not_call_and_dismiss_it_for_ever(qtbot: QtBot):
    page, card, inside, below = QWidget(), Card("word " * 20, ""), QFrame(), QFrame()
    inside.setMinimumHeight(20)
    card.hold(inside)
    card.begin()
    layout = QVBoxLayout(page)
    layout.addWidget(card)
    layout.addWidget(below)
    area = scrolled(page)
    qtbot.addWidget(area)
    resizes = Resizes(page)
    area.resize(900, 400)
    area.show()
    QApplication.processEvents()
    words_px = card.title.fontMetrics().horizontalAdvance(card.title.whole)
    bar_px = area.verticalScrollBar().sizeHint().width()
    narrow = words_px + area.width() - card.title.width() + bar_px // 2
    chance = random.Random(1)
    for _ in range(1000):
        resizes.count = 0
        match chance.randrange(4):
            case 0:
                QApplication.processEvents()
            case 1:
                below.setMinimumHeight(100 + chance.choice((0, 14, 30)))
            case 2:
                area.resize(area.width(), page.minimumSizeHint().height() + chance.randrange(-20, 50))
            case _:
                area.resize(narrow + chance.choice((0, 40)), page.minimumSizeHint().height() + chance.randrange(20))
        assert resizes.count < MANY


def test_the_bar_of_a_page_is_seen_only_to_scroll_and_takes_no_room_from_it(qtbot: QtBot):
    page = QWidget()
    area = scrolled(page)
    qtbot.addWidget(area)
    area.resize(300, 200)
    area.show()
    QApplication.processEvents()
    before, bar = page.width(), area.verticalScrollBar()
    nothing = bar.grab().toImage()
    page.setMinimumHeight(400)
    QApplication.processEvents()
    assert bar.maximum() > 0 and page.width() == before and bar.grab().toImage() != nothing
    page.setMinimumHeight(100)
    QApplication.processEvents()
    assert bar.maximum() == 0 and page.width() == before and bar.grab().toImage() == nothing


def test_the_wheel_over_a_page_that_has_nothing_to_scroll_scrolls_what_is_around_it(qtbot: QtBot):
    outer, inner = QWidget(), QWidget()
    layout = QVBoxLayout(outer)
    layout.addWidget(scrolled(inner))
    outer.setMinimumHeight(400)
    area = scrolled(outer)
    qtbot.addWidget(area)
    area.resize(300, 200)
    area.show()
    QApplication.processEvents()
    QTest.wheelEvent(area.windowHandle(), inner.mapTo(area, QPoint(20, 20)).toPointF(), QPoint(0, -120))
    assert area.verticalScrollBar().value() > 0
