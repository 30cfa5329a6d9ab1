"""When splitting pays: the map, worked out by hand, and its page in the window."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.charts.look import Look
from app.charts.phase import ENERGY, TIME, PhaseChart, energy_change, saving
from app.palette import Palette
from app.phase_map import Pair, phase_map
from app.theme import Theme
from engine.cluster import Cluster, Device
from engine.errors import InputError
from engine.spec import RaceSpec, SchedulerSpec
from engine.workload import workload

CPU = Device(0, "c", "cpu", "cpu", active_w=100.0)
GPU = Device(1, "g", "gpu", "gpu", active_w=100.0, link_gb_s=2.0)
PAIR = Cluster("pair", (CPU, GPU))


def tasks(transfer_gb=4.0, gpu_s=2.0, divisible=True):
    return workload(
        "two", ("cpu", "gpu"), [0.0, 1.0], [[2.0, gpu_s], [2.0, gpu_s]], divisible=divisible, transfer_gb=transfer_gb
    )


def test_two_equal_devices_halve_a_task_that_moves_nothing():
    saved, energy = Pair(CPU, GPU, 2.0, 0.0).split(1.0, math.inf)
    assert (saved, energy) == (pytest.approx(0.5), pytest.approx(0.0))


def test_the_transfer_counts_as_time_of_the_gpu():
    # the GPU takes 2 s and 2 s of transfer, so it gets a third: both are done after 4/3 s; 2 s on the CPU alone
    saved, energy = Pair(CPU, GPU, 2.0, 4.0).split(1.0, 2.0)
    assert saved == pytest.approx(1 / 3)
    assert energy == pytest.approx((4 / 3 * 100 + 4 / 3 * 100) / 200 - 1)


def test_idle_power_counts_until_the_task_is_done():
    cpu, gpu = (Device(i, k, k, k, idle_w=50.0, active_w=100.0) for i, k in enumerate(("cpu", "gpu")))
    # alone: 2 s of 100 W and of 50 W; split: 1 s of 100 W twice
    _, energy = Pair(cpu, gpu, 2.0, 0.0).split(1.0, math.inf)
    assert energy == pytest.approx(200 / 300 - 1)


def test_a_launch_that_takes_longer_than_the_task_makes_splitting_useless():
    slow = Device(1, "g", "gpu", "gpu", link_gb_s=2.0, link_latency_s=3.0)
    assert Pair(CPU, slow, 2.0, 0.0).split(1.0, 2.0) == (0.0, 0.0)


def test_the_map_says_what_holds_for_the_race_and_around_it():
    found = phase_map(tasks(), PAIR)
    assert (found.ratio, found.link_gb_s, found.transfer_gb, found.assumed) == (1.0, 2.0, 4.0, False)
    assert found.saved == pytest.approx(1 / 3)
    row, column = np.argmin(abs(np.log(found.ratios))), np.argmax(found.links_gb_s)
    assert found.time_saved[row, column] == pytest.approx(0.5, abs=0.02)
    assert found.time_saved.min() >= 0.0
    assert "33\u00a0% of the time" in found.sentence()


def test_a_race_whose_tasks_move_nothing_says_for_what_the_map_is_drawn():
    found = phase_map(tasks(transfer_gb=0.0), PAIR)
    assert found.assumed
    assert found.saved == pytest.approx(0.5)
    assert "moves 1.00 GB" in found.sentence()


def test_a_race_beyond_the_usual_axes_is_still_on_the_map():
    found = phase_map(tasks(gpu_s=0.002), PAIR)
    assert found.ratios[-1] > found.ratio == 1000.0


def test_where_nothing_can_be_split_it_says_why():
    with pytest.raises(InputError, match="no CPU beside a GPU"):
        phase_map(tasks(), Cluster("cpus", (CPU,)))
    with pytest.raises(InputError, match="No task of this race can be split"):
        phase_map(tasks(divisible=False), PAIR)


def test_the_mouse_reads_the_map(qapp):
    chart = PhaseChart(Look(Theme.of(qapp), Palette()), TIME, saving)
    assert chart.text_at(1.0, 1.0) == ""
    found = phase_map(tasks(), PAIR)
    chart.show_map(found, found.time_saved)
    assert "saves 33\u00a0% of the time" in chart.text_at(2.0, 1.0)
    assert chart.text_at(1e9, 1.0) == ""
    assert energy_change(-0.2) == "20\u00a0% less energy"
    for bands in (TIME, ENERGY):
        assert len(bands.names) == len(bands.strengths) == len(bands.edges) + 1


def test_the_page_opens_from_the_tab_and_closes_again(hands):
    tab = hands.window.learning_tab
    hands.window.tabs.setCurrentWidget(tab)
    assert not any(link.isVisible() for link in tab.links)
    spec = RaceSpec(tasks=60, schedulers=(SchedulerSpec("mct"),))
    hands.window.form.show_spec(spec)
    hands.window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    tab.links[0].click()
    assert tab.splitting.isVisible()
    assert "splitting the median task saves" in tab.splitting.words.text()
    assert tab.splitting.time.isVisible() and tab.splitting.energy.isVisible()
    tab.splitting.back.click()
    assert tab.invitation.isVisible()
