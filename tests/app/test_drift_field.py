"""The drift in the window's form."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QStyle, QStyleOptionComboBox

from app.window.drift_field import OFFERED, DriftField
from engine.drift import Drift


@pytest.fixture
def field(qtbot) -> DriftField:
    widget = DriftField()
    qtbot.addWidget(widget)
    return widget


def test_no_device_drifts_until_someone_chooses_it(field):
    assert field.drift() == ()
    field.setCurrentIndex(1)
    assert field.currentText() == "GPUs half as fast half-way"
    assert field.drift() == (Drift("gpu", 0.5, 0.5),)
    field.setCurrentIndex(2)
    assert field.drift() == (Drift("cpu", 0.5, 0.5),)


def test_what_a_race_file_says_is_chosen_and_kept_even_where_it_is_not_offered(field):
    field.show_drift([Drift("cpu", 0.5, 0.5)])
    assert field.currentIndex() == 2 and field.count() == len(OFFERED)
    given = (Drift("gpu-0", 0.25, 0.1), Drift("cpu", 0.75, 2.0))
    field.show_drift(given)
    assert field.drift() == given
    assert field.currentText() == "As the race file says: gpu-0@0.25=0.1, cpu@0.75=2"
    field.show_drift([])
    assert field.drift() == () and field.count() == len(OFFERED)


def test_the_form_races_the_drift_that_it_shows(hands):
    hands.race_small(60, ("met", "mct"))
    form = hands.window.form
    assert form.spec().drift == ()
    form.drift.setCurrentIndex(1)
    assert form.spec().drift == (Drift("gpu", 0.5, 0.5),)
    hands.press("start")
    hands.wait_for_frame()
    hands.press("finish")
    hands.wait_for_end()
    assert [change.devices for change in hands.window.desk.frame.speed_changes] == [("gpu-0", "gpu-1")]


def test_what_is_offered_can_be_read_in_the_narrow_form(hands):
    field = hands.window.form.drift
    option = QStyleOptionComboBox()
    field.initStyleOption(option)
    text_field = QStyle.SubControl.SC_ComboBoxEditField
    room = field.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, text_field, field).width()
    assert all(field.fontMetrics().horizontalAdvance(text) < room for text, _ in OFFERED)
