"""The Learning tab of a real window, with real races in it."""

from __future__ import annotations

import math

import pytest

from app.charts.calibration import CalibrationChart
from app.charts.errors import NOMINAL, ErrorChart
from app.charts.importance import ImportanceBars
from app.charts.look import Look
from app.palette import Palette
from app.theme import Theme
from engine.spec import RaceSpec, SchedulerSpec


@pytest.fixture
def tab(hands):
    hands.window.tabs.setCurrentWidget(hands.window.learning_tab)
    return hands.window.learning_tab


def race(hands, *policies, tasks=400, load=0.8, workload="synthetic"):
    specs = tuple(SchedulerSpec(name) for name in policies)
    spec = RaceSpec(workload=workload, tasks=tasks, load=load, schedulers=specs)
    hands.window.form.show_spec(spec)
    hands.window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()


def learning_of(hands, policy):
    return next(lane for lane in hands.window.desk.frame.lanes if lane.scheduler == policy).learning


def test_before_a_race_and_in_one_where_nobody_learns_it_says_how_to_see_something(hands, tab):
    assert tab.invitation.isVisible()
    assert "appears here" in tab.invitation.empty.text()
    race(hands, "mct", tasks=60)
    assert tab.invitation.isVisible()
    assert "Tick hybrid_ml" in tab.invitation.empty.text()


def test_a_race_with_a_learner_fills_it(hands, tab):
    race(hands, "mct", "hybrid_ml")
    assert not tab.invitation.isVisible()
    learning = learning_of(hands, "hybrid_ml")
    assert tab.lane.currentText() == "hybrid_ml"
    assert not tab.lane.isVisible()  # nobody else learns
    assert "forest answers for" in tab.facts.text()
    assert "Retrained 7 times" in tab.facts.text()
    points = [len(item.data) for item in tab.predictions._learned]
    assert points[:2] == [len(model.observed_s) for model in learning.models]
    drawn = tab.errors._lines
    assert set(drawn) == {f"{m}: {who}" for m in ("cpu", "gpu") for who in ("forest", "nominal")}
    last = learning.models[0].error[-1]
    assert drawn["cpu: forest"].yData[-1] == pytest.approx(math.log10(100 * math.expm1(last)))
    assert tab.importance.rows[0][0] == "kind"


def test_how_sure_a_policy_says_it_is_is_shown_in_place_of_how_far_it_was_off(hands, tab):
    race(hands, "hybrid_ml")
    assert tab.predictions.isVisible() and tab.other_points.isVisible()
    assert tab.calibration is None  # made for those who ask
    tab.other_points.click()
    assert tab.calibration.isVisible() and not tab.predictions.isVisible()
    assert "States" in tab.predictions_card.title.whole
    learning = learning_of(hands, "hybrid_ml")
    assert tab.calibration._line.yData == pytest.approx([100 * c.observed for c in learning.calibration])
    drawn = [points.getData()[1].tolist() for points in tab.calibration._points[:2]]
    assert drawn == [[pytest.approx(100 * c.observed) for c in m.calibration] for m in learning.models]
    assert f"{learning.calibration[0].count:,}" in tab.calibration_legend.text()
    fresh = tab.calibration.getViewBox().viewRange()[1]
    tab.calibration._make_room(12.0)
    assert tab.calibration.getViewBox().viewRange()[1][0] == 10.0
    tab.calibration.begin()
    assert tab.calibration.getViewBox().viewRange()[1] == fresh
    tab.other_points.click()
    assert tab.predictions.isVisible() and "Off by" in tab.predictions_card.title.whole


def test_before_the_first_judgement_a_sentence_stands_where_the_charts_will_be(hands, tab):
    race(hands, "hybrid_ml", tasks=150)
    assert tab.errors.isVisible()
    race(hands, "hybrid_ml", tasks=60)
    assert not tab.errors.isVisible() and not tab.predictions.isVisible()
    assert not tab.other_points.isVisible()  # no spread has been judged
    assert tab.errors_card.empty.isVisible()
    assert "the race ended before a first fit" in tab.errors_card.empty.text()
    assert "was not judged" in tab.facts.text()


def test_the_switch_is_marked_where_it_was_judged(hands, tab):
    race(hands, "hybrid_ml")
    switches = learning_of(hands, "hybrid_ml").switches
    assert switches
    marks = sorted(mark.value() for mark in tab.errors._marks.values())
    assert marks == sorted({float(switch.completion) for switch in switches})
    assert any("learned for" in mark.label.format for mark in tab.errors._marks.values())


def test_of_several_learners_one_is_chosen(hands, tab):
    race(hands, "mct+forest", "hybrid_ml")
    assert tab.lane.isVisible()
    assert {tab.lane.itemText(i) for i in range(tab.lane.count())} == {"mct+forest", "hybrid_ml"}
    for name in ("mct+forest", "hybrid_ml"):
        tab.lane.setCurrentText(name)
        tab.lane.activated.emit(tab.lane.currentIndex())
    assert tab.facts_card.title.whole == "What hybrid_ml has learned"
    assert tab.errors._lines["cpu: forest"].opts["pen"].color() == tab._look.colour("hybrid_ml")
    assert tab.errors._lines[f"cpu{NOMINAL}"].opts["pen"].color().name() == tab._look.tokens.muted.lower()


def test_the_distances_are_told_at_the_end_and_forgotten_with_the_next_race(hands, tab):
    race(hands, "mct", "mct+forest", "mct+true")
    assert "if it knows the true ones" in tab.facts.text()
    race(hands, "hybrid_ml", tasks=120)
    assert "if it knows the true ones" not in tab.facts.text()


def test_who_has_learned_nothing_better_is_told_so_here_too(hands, tab):
    race(hands, "congestion", "hybrid_ml", tasks=120, workload="kernels_h100")  # its nominal times are exact
    assert "with hybrid_ml, which has learned nothing better" in tab.facts.text()


def test_a_tab_that_is_opened_after_the_race_shows_it(hands):
    race(hands, "hybrid_ml", tasks=200)
    tab = hands.window.learning_tab
    hands.window.tabs.setCurrentWidget(tab)
    assert tab.predictions.isVisible()
    assert "Learned times answer" in tab.errors_card.title.whole


def test_names_are_painted_as_text_and_never_obeyed(hands, tab):
    tab.conclude(["<b>bold</b> & more"])
    race(hands, "hybrid_ml", tasks=120)
    tab.conclude(["<b>bold</b> & more"])
    tab.show_frame(hands.window.desk.frame, everything=True)
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; more" in tab.facts.text()


def test_both_themes_are_worn(hands, tab):
    race(hands, "hybrid_ml", tasks=200)
    tab.other_points.click()
    tab.other_points.click()
    for choice in ("dark", "light"):
        getattr(hands.window, f"theme_{choice}")()
        for chart in (tab.predictions, tab.calibration, tab.errors):
            assert chart.backgroundBrush().color().name() == hands.window.theme.tokens.card.lower()
        assert tab._look.colour("hybrid_ml").name() in tab.legend.text()


def test_bars_show_what_counts_most_and_leave_out_what_is_chance(qapp):
    bars = ImportanceBars(Look(Theme.of(qapp), Palette()))
    bars.show_importance("hybrid_ml", {"a": 0.001, "b": 0.2, "c": -0.1, "d": 0.4})
    assert bars.rows == [("d", 0.4), ("b", 0.2)]


def test_a_spread_that_seldom_holds_is_not_drawn_below_the_axis(qapp):
    from engine.calibration import LEVELS, Coverage
    from tests.app.test_learning_findings import lane, model

    chart = CalibrationChart(Look(Theme.of(qapp), Palette()))
    seldom = tuple(Coverage(level, 1, 30) for level in LEVELS)
    chart.show_learning("mine", lane(model(), calibration=seldom).learning)
    low, high = chart.getPlotItem().getViewBox().viewRange()[1]
    assert low <= 100 * seldom[0].band[0] and high >= 100 * seldom[0].band[1]


def test_an_error_of_zero_has_its_place_on_the_axis(qapp):
    from tests.app.test_learning_findings import lane, model

    chart = ErrorChart(Look(Theme.of(qapp), Palette()))
    chart.show_lane(lane(model(error=0.0)), 1000)
    assert chart._lines["cpu: forest"].yData.tolist() == [0.0] and not chart.log
    assert chart._y[0] < 0.0 < chart._y[1]
    chart.begin()
    chart.show_lane(lane(model(error=0.1)), 1000)
    assert chart.log
