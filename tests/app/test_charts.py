"""What the charts compute before they paint."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from app.charts.apart import FARTHEST, along, apart, beside
from app.charts.curves import MOST_POINTS, ResponseCurves, said, smoothed
from app.charts.look import Look
from app.charts.ranking import shared_out
from app.charts.still_plot import PlainAxis
from app.charts.strip import DeviceStripChart
from app.charts.time_plot import Series, TimePlot
from app.palette import Palette
from app.theme import Theme
from engine.drift import Drift, SpeedChange, drifted
from engine.frame import DeviceStrip, Frame
from engine.frames import FrameMaker
from engine.race import LaneSpec, Race
from engine.workload import workload
from plugins.clusters import load_cluster
from plugins.schedulers.mct import Mct


@pytest.fixture
def look(qapp: QApplication) -> Look:
    """How charts look in the light theme."""
    return Look(Theme.of(qapp), Palette())


WIDTH_PX, HEIGHT_PX = 84.0, 15.0


def placed(*points, low=0.0, high=100.0):
    return apart(points, [WIDTH_PX] * len(points), HEIGHT_PX, low, high)


def test_names_that_would_cover_each_other_are_moved_apart_and_all_equally_little():
    assert placed((0.0, 49.0), (1.0, 50.0), (2.0, 51.0)) == [35.0, 50.0, 65.0]


def test_names_far_apart_sideways_stay_where_their_lines_end():
    assert placed((0.0, 50.0), (WIDTH_PX, 51.0)) == [50.0, 51.0]
    assert placed((0.0, 50.0), (WIDTH_PX - 1, 51.0)) != [50.0, 51.0]


def test_names_never_leave_the_plot_and_those_without_room_are_left_out():
    shown = [p for p in placed(*[(0.0, 98.0)] * 5, high=40.0) if p is not None]
    assert len(shown) == 2
    assert all(HEIGHT_PX / 2 <= p <= 40 - HEIGHT_PX / 2 for p in shown)


def test_names_keep_the_order_of_their_lines_and_stay_near_them_however_many_there_are():
    rng = np.random.default_rng(0)
    for high in (60.0, 300.0):
        points = sorted(zip(rng.uniform(0, 300, 40), rng.uniform(0, high, 40), strict=True), key=lambda point: point[1])
        places = placed(*points, high=high)
        shown = [(*point, at) for point, at in zip(points, places, strict=True) if at is not None]
        assert len(shown) >= high / HEIGHT_PX
        for (x, y, at), (x_above, _, above) in itertools.combinations(shown, 2):
            assert abs(x - x_above) >= WIDTH_PX or above - at >= HEIGHT_PX - 1e-6
            assert HEIGHT_PX / 2 <= at <= high - HEIGHT_PX / 2
            assert abs(at - y) <= (FARTHEST + 0.5) * HEIGHT_PX


def test_words_of_marks_cover_neither_names_nor_one_another_and_stay_where_they_are_while_they_can():
    def spots(*marks, name=(90.0, 150.0, 92.5)):
        return beside(marks, [name], HEIGHT_PX, 200.0, 100.0)

    assert spots((10.0, 60.0, None), (40.0, 60.0, None)) == [(0, False), (1, False)]
    assert spots((50.0, 60.0, None)) == [(1, False)]  # on its right there is a name, on its left no room
    assert spots((150.0, 60.0, None), (0.0, 300.0, None)) == [(1, True), None]
    assert spots((10.0, 60.0, (3, False)), (199.0, 60.0, (0, True))) == [(3, False), (1, True)]


def test_words_of_a_level_line_go_below_it_or_to_the_left_where_names_are_in_their_way_and_never_out_of_the_plot():
    def place(level, *names, before=None):
        return along(level, 60.0, names, HEIGHT_PX, 200.0, 100.0, before)

    assert place(50.0) == (200.0, False)
    assert place(50.0, (150.0, 190.0, 60.0)) == (200.0, True)
    assert place(10.0, (150.0, 190.0, 20.0)) == (150.0, False)  # below it there is no room
    assert place(50.0, (150.0, 190.0, 60.0), before=(100.0, False)) == (100.0, False)
    assert place(10.0, (50.0, 160.0, 20.0)) is None


def test_names_find_room_anew_when_the_plot_of_a_race_that_is_over_changes_its_size(qtbot, look):
    plot = TimePlot(look, "response", " s", 100)
    qtbot.addWidget(plot)
    plot.resize(600, 500)
    plot.show()
    names = ("mct", "oracle", "conservative", "hybrid_fraction")
    plot.draw({n: Series(np.array([0.0, 1.0]), np.array([i, i])) for i, n in enumerate(names)}, 1.0, (-1, 4), False)
    plot.resize(400, 130)
    boxes = [plot._names[name].mapRectToScene(plot._names[name].boundingRect()) for name in names]
    assert all(plot._names[name].isVisible() for name in names)
    for above, below in itertools.pairwise(boxes[::-1]):
        assert above.bottom() - 2 <= below.top() + 2  # margins may meet, letters may not
    assert max(box.right() for box in boxes) <= 400


def test_a_curve_is_the_moving_mean_of_what_is_known():
    line = smoothed(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, np.nan, 3.0, 5.0]), 1.0)
    assert line.t_s.tolist() == [0.0, 2.0, 3.0]
    assert line.value.tolist() == [1.0, 3.0, 4.0]


def test_a_long_curve_is_thinned_to_what_a_screen_shows():
    assert len(smoothed(np.arange(5000.0), np.ones(5000), 10.0).t_s) <= MOST_POINTS


def test_a_curve_without_points_is_empty():
    assert len(smoothed(np.array([]), np.array([]), 1.0).t_s) == 0


def test_columns_are_equally_wide_unless_a_title_needs_more():
    assert shared_out(600, [100, 90, 40]) == [200, 200, 200]
    assert shared_out(300, [130, 90, 40]) == [130, 90, 80]


def test_a_line_drawn_before_the_axes_grew_is_still_seen_whole(qtbot, look):
    plot = TimePlot(look, "response", " s", 0)
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.show()
    short = {"mct": Series(np.array([0.0, 1.0]), np.array([1.0, 2.0]))}
    plot.draw(short, 1.0, (0.0, 2.0), False)
    plot.viewport().repaint()
    plot.draw({**short, "met": Series(np.array([0.0, 9e6]), np.array([1e3, 1e7]))}, 1e7, (1e2, 1e8), True)
    plot.viewport().repaint()
    for line in plot._lines.values():
        assert line.boundingRect() == plot.getViewBox().viewRect()


def test_the_lower_bound_is_a_level_line_on_either_axis_and_goes_with_its_race(qtbot, look):
    plot = TimePlot(look, "response", " s", 0)
    qtbot.addWidget(plot)
    lines = {"mct": Series(np.array([0.0, 1.0]), np.array([1.0, 200.0]))}
    plot.draw(lines, 1.0, (0.0, 200.0), False)
    plot.floor(10.0, "lower bound")
    assert plot._floor is not None and plot._floor.value() == 10.0
    plot.draw(lines, 1.0, (1.0, 200.0), True)
    plot.floor(10.0, "lower bound")
    assert plot._floor.value() == 1.0  # the logarithm
    plot.clear_lines()
    assert plot._floor is None


def test_ticks_of_millions_of_seconds_stay_short(qtbot):
    axis = PlainAxis("left", " s")
    assert axis.tickStrings([1_000.0, 20_000_000.0], 1.0, 1_000.0) == ["1,000 s", "2·10⁷ s"]
    assert axis.logTickStrings([4.0, 7.0], 1.0, 1.0) == ["10,000 s", "10⁷ s"]


@pytest.mark.parametrize(("end_s", "texts"), [(40.0, "40\u00a0s"), (36_000.0, "10\u00a0h"), (1_728_000.0, "20\u00a0d")])
def test_a_time_axis_is_in_the_unit_that_keeps_its_ticks_short(qtbot, look, end_s, texts):
    plot = TimePlot(look, "response", "\u00a0s", 0)
    qtbot.addWidget(plot)
    plot.resize(700, 300)
    plot.draw({"mct": Series(np.array([0.0, end_s]), np.array([1.0, 2.0]))}, end_s, (0.0, 3.0), log=False)
    axis = plot.getAxis("bottom")
    ticks = [
        text
        for spacing, values in axis.tickValues(0.0, end_s, 600)
        for text in axis.tickStrings(values, axis.autoSIPrefixScale * axis.scale, spacing)
    ]
    assert texts in ticks


def test_devices_of_a_race_that_is_over_at_once_are_idle_and_not_those_of_the_race_before(qtbot, look):
    cluster = load_cluster("default")
    devices = len(cluster.devices)

    def frame(buckets: int) -> Frame:
        now = np.zeros(devices)
        shares = np.ones((devices, buckets))
        strip = DeviceStrip("mct", np.arange(devices), np.arange(buckets + 1.0), shares, shares, now, now)
        return Frame(1.0, 1.0, 1, 1, (), strip, 1, math.nan, done=True)

    chart = DeviceStripChart(look)
    qtbot.addWidget(chart)
    chart.begin(cluster)
    chart.show_frame(frame(4))
    assert "100" in chart.title()
    chart.begin(cluster)
    chart.show_frame(frame(0))
    assert "100" not in chart.title()
    chart.grab()


def test_a_change_of_speed_is_marked_once_it_has_happened(qtbot, look):
    arrival_s = np.arange(100.0)
    cluster = drifted(load_cluster("default"), [Drift("gpu", 0.5, 0.5)], arrival_s)
    race = Race(workload("w", ("cpu", "gpu"), arrival_s, np.ones((100, 2))), cluster, [LaneSpec("mct", Mct())])
    maker, chart = FrameMaker(race), ResponseCurves(look)
    qtbot.addWidget(chart)
    race.advance(40.0)
    chart.show_frame(maker.frame("mct"))
    assert not chart._marks
    while race.advance():
        pass
    for _ in range(2):
        chart.show_frame(maker.frame("mct"))
    (mark,) = chart._marks.values()
    assert mark.value() == pytest.approx(49.5)
    assert mark.label.format == "gpu-0, gpu-1: 0.5\u00a0x speed"
    assert mark.label.color == look.tokens.muted
    chart.restyle()


def test_changes_of_many_devices_are_counted():
    assert said(SpeedChange(1.0, 2.0, tuple("abcd"))) == "4 devices: 2\u00a0x speed"
