"""Who chose what for one task, asked for in a real window after real races."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from engine.decision_replay import DecisionReplay
from engine.spec import RaceSpec, SchedulerSpec

POLICIES = ("round_robin", "mct", "hybrid_ml")


def race(hands, *policies, tasks):
    spec = RaceSpec(tasks=tasks, load=0.8, schedulers=tuple(SchedulerSpec(name) for name in policies))
    hands.window.form.show_spec(spec)
    hands.window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()


@pytest.fixture
def tab(hands):
    hands.window.tabs.setCurrentWidget(hands.window.learning_tab)
    return hands.window.learning_tab


@pytest.fixture
def endless(monkeypatch):
    """Replays that would never end."""
    monkeypatch.setattr(DecisionReplay, "over", False)


def cells(table):
    model = table.model()
    return [[model.cell(row, at).text for at in range(model.columnCount())] for row in range(model.rowCount())]


def test_a_click_on_a_point_shows_what_each_policy_did_with_that_task(hands, tab):
    race(hands, *POLICIES, tasks=200)
    desk, model = hands.window.decision_desk, tab.predictions._shown.models[0]
    task = int(model.task[-1])
    box = tab.predictions.getPlotItem().getViewBox()
    at = box.mapViewToScene(QPointF(*np.log10([model.observed_s[-1], model.predicted_s[-1]])))
    assert tab.predictions.task_at(at) == task
    hands.bot.mouseClick(tab.predictions.viewport(), Qt.MouseButton.LeftButton, pos=tab.predictions.mapFromScene(at))
    hands.wait(lambda: desk.dialog is not None and not desk.running)
    dialog = desk.dialog
    assert dialog.isVisible() and dialog.windowTitle().startswith("Task ")
    assert len(tab.predictions._ring.data) >= 1
    rows = cells(dialog.policies)
    assert {row[0] for row in rows} == set(POLICIES)
    assert all(row[1].endswith(" s") and row[5] for row in rows)
    assert not dialog.cancel.isVisible()
    best = dialog.policy_card.title.whole
    for row, name in enumerate([row[0] for row in rows]):
        dialog.policies.selectRow(row)
        assert dialog.policy_card.title.whole == f"What {name} saw"
        assert ("forest" in dialog.words.text()) == (name == "hybrid_ml")
        assert len(cells(dialog.devices)) == 6
    assert best == f"What {rows[0][0]} saw"
    hands.window.theme_dark()
    assert cells(dialog.policies) == rows


def test_a_task_is_asked_for_in_words_and_nonsense_gets_a_sentence(hands, tab):
    race(hands, "mct", tasks=40)
    field = tab.fields[0]
    assert field.isVisible()  # nobody has learned anything, and yet there are decisions
    field.text.setText("40")
    field.button.click()
    assert "There is no task '40' in this race" in hands.log[-1]
    assert hands.window.decision_desk.dialog is None
    field.text.setText("39")
    hands.bot.keyClick(field.text, Qt.Key.Key_Return)
    hands.wait(lambda: not hands.window.decision_desk.running)
    assert hands.window.decision_desk.dialog.windowTitle() == "Task 39"


def test_while_a_race_is_on_a_sentence_says_to_wait(hands, tab):
    hands.race_small(tasks=400)
    hands.press("step")
    hands.wait(lambda: hands.window.desk.paused)
    hands.window.decision_desk.show_task(3)
    assert "ask again when it has ended" in hands.log[-1]
    assert hands.window.decision_desk.dialog is None
    hands.press("stop")
    hands.wait_for_end()
    hands.window.decision_desk.show_task(3)  # of a race that was stopped there is an end to look at
    hands.wait(lambda: not hands.window.decision_desk.running)
    assert "stopped before its end" in hands.window.decision_desk.dialog.about.text()


def test_cancel_closing_and_another_race_each_end_it_and_leave_no_thread(hands, tab, endless):
    race(hands, "mct", tasks=40)
    desk = hands.window.decision_desk

    def asked():
        desk.show_task(7)
        assert desk.running
        return desk.dialog

    hands.bot.mouseClick(asked().cancel, Qt.MouseButton.LeftButton)
    hands.wait(lambda: not desk.running)
    assert desk.dialog.isVisible() and desk.dialog.doing.whole.startswith("Stopped")
    asked().close()
    hands.wait(lambda: not desk.running)
    asked()
    race(hands, "mct", tasks=30)
    assert not desk.running and desk.dialog is None
    asked()
    hands.window.close()
    assert not hands.window.isVisible()
    assert all(thread.isFinished() for thread in desk._threads)
