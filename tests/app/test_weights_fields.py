"""The weights in the window's form."""

from __future__ import annotations

import pytest

from app.window.weights_fields import WeightsFields
from engine.errors import InputError
from engine.weights import Weights


@pytest.fixture
def fields(qtbot) -> WeightsFields:
    widget = WeightsFields()
    qtbot.addWidget(widget)
    return widget


def test_time_alone_counts_and_the_line_is_closed_until_someone_opens_it(fields):
    fields.show_weights(Weights())
    fields.show()
    assert fields.weights() == Weights()
    assert not fields.fields["energy"].isVisible()
    fields.head.click()
    assert fields.fields["energy"].isVisible()
    assert "per joule" in fields.fields["energy"].toolTip()


def test_other_weights_are_shown_at_once_and_keep_the_digits_that_no_field_shows(fields):
    weights = Weights(time=0.0, energy=1 / 3, cost=1e-9)
    fields.show_weights(weights)
    fields.show()
    assert fields.fields["cost"].isVisible()
    assert fields.weights() == weights
    fields.fields["cost"].setValue(2.5)
    assert fields.weights() == Weights(time=0.0, energy=1 / 3, cost=2.5)


def test_a_number_is_shown_and_read_without_zeros_at_its_end(fields):
    energy = fields.fields["energy"]
    for value, shown in ((0.0, "0"), (0.000001, "0.000001"), (12.5, "12.5"), (1000.0, "1000")):
        energy.setValue(value)
        assert energy.text().replace(",", "") == shown
        energy.interpretText()
        assert energy.value() == value


def test_a_change_is_told_and_a_locked_form_takes_none(fields, qtbot):
    with qtbot.waitSignal(fields.changed, timeout=1000):
        fields.fields["energy"].setValue(0.001)
    fields.lock(True)
    assert not any(field.isEnabled() for field in fields.fields.values())


def test_all_weights_at_0_is_a_sentence(fields):
    fields.fields["time"].setValue(0.0)
    with pytest.raises(InputError, match="All weights are 0"):
        fields.weights()


def test_the_form_races_what_its_weights_say_and_says_when_they_are_all_0(hands):
    hands.race_small(60, ("met", "mct"))
    form = hands.window.form
    form.weights.fields["energy"].setValue(0.02)
    assert form.spec().weights == Weights(energy=0.02)
    form.weights.fields["energy"].setValue(0.0)
    form.weights.fields["time"].setValue(0.0)
    hands.press("start")
    assert "All weights are 0" in hands.window.notice.text.text()
    assert not hands.window.desk.running
