"""The window with a real race in it."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from app.palette import is_clairvoyant
from app.texts import METRICS
from plugins.clusters import load_cluster


def test_the_window_explains_itself_before_the_first_race(hands):
    assert "four policies race on the same 2,000 tasks" in hands.headline
    form = hands.window.form
    assert form.policies.ticked() == ["round_robin", "mct", "hybrid_ml", "oracle"]
    assert (form.workload.currentText(), form.tasks.value(), form.load.value()) == ("synthetic", 2000, 0.8)
    assert "4 CPU + 2 GPU" in form.cluster_about.text()


def test_a_race_moves_and_ends_with_a_finding(hands):
    hands.race_small(200, ("round_robin", "mct", "oracle"))
    hands.press("start")
    hands.wait_for_frame()
    before = hands.finished
    hands.wait(lambda: hands.finished > before)
    hands.press("finish")
    hands.wait_for_end()
    assert any(word in hands.headline for word in ("wins", "Too close to call"))
    assert hands.window.desk.frame.done
    assert hands.finished == 3 * 200
    assert hands.window.race_tab.ranking.ranking.rowCount() == 3


def test_pause_holds_the_clock_and_a_step_moves_it_once(hands):
    hands.race_small()
    hands.press("start")
    hands.wait_for_frame()
    hands.press("start")
    hands.wait(lambda: hands.window.desk.paused)
    assert hands.window.action_set.by_id["start"].text() == "Resume"
    hands.bot.wait(100)  # the last frame before the pause is on its way
    still = hands.window.desk.frame
    hands.bot.wait(150)
    assert hands.window.desk.frame.clock_s == still.clock_s
    hands.press("step")
    hands.wait(lambda: hands.window.desk.frame.clock_s > still.clock_s)
    stepped = hands.window.desk.frame.clock_s
    hands.bot.wait(150)
    assert hands.window.desk.frame.clock_s == stepped
    hands.press("start")
    hands.wait(lambda: hands.window.desk.frame.clock_s > stepped)
    hands.press("finish")
    hands.wait_for_end()


def test_step_without_a_race_starts_one_that_stands_still(hands):
    hands.race_small()
    hands.press("step")
    hands.wait(lambda: hands.window.desk.paused and hands.window.desk.frame is not None)
    assert hands.finished == 0
    hands.press("finish")
    hands.wait_for_end()
    assert hands.finished == 2 * 60


def test_the_choices_are_locked_while_a_race_runs(hands):
    hands.race_small()
    hands.press("start")
    assert not hands.window.form.tasks.isEnabled()
    assert not hands.window.action_set.by_id["open_race"].isEnabled()
    hands.wait_for_frame()
    hands.press("finish")
    hands.wait_for_end()
    assert hands.window.form.tasks.isEnabled()


def test_stop_keeps_what_has_finished(hands):
    hands.race_small(2000)
    hands.press("start")
    hands.wait_for_frame()
    hands.wait(lambda: hands.finished > 20)
    hands.press("stop")
    hands.wait_for_end()
    assert "Stopped after" in hands.headline
    assert 20 < hands.finished < 2 * 2000


def test_the_speed_changes_while_it_races(hands):
    hands.race_small(2000)
    hands.press("start")
    hands.wait_for_frame()
    hands.window.toolbar.speed.setCurrentText("max")
    hands.window.toolbar.speed.activated.emit(hands.window.toolbar.speed.currentIndex())
    assert math.isinf(hands.window.desk.runner.control.speed)
    hands.wait_for_end()
    assert hands.finished == 2 * 2000


def test_the_same_race_ends_the_same_at_every_speed(hands):
    hands.race_small(60)
    ends = []
    for speed in (16.0, math.inf):
        hands.window.desk.set_speed(speed)
        results = []
        hands.window.desk.runner.ended.connect(lambda ended, into=results: into.append(ended.result.digest))
        hands.press("start")
        hands.wait_for_end()
        ends.append(results[0])
    assert ends[0] == ends[1]


def test_closing_mid_race_leaves_no_thread(hands):
    hands.race_small(2000)
    hands.press("start")
    hands.wait_for_frame()
    thread = hands.window.desk.runner._thread
    assert hands.window.close()
    assert not isValid(thread) or thread.isFinished()  # one that has ended is deleted soon after
    assert not hands.window.desk.running


@pytest.mark.parametrize("storage_kind", ["csv"])
def test_closing_mid_race_loses_nothing_that_had_finished(hands, own_folders):
    hands.race_small(2000)
    hands.press("start")
    hands.wait_for_frame()
    hands.wait(lambda: hands.finished > 20)
    seen = hands.finished
    assert hands.window.close()
    (journal,) = (own_folders / "data" / "runs").glob("*/scheduler_results.csv")
    rows = journal.read_text().splitlines()[1:]
    assert len(rows) >= seen
    assert len(rows) == len({tuple(row.split(",")[:2]) for row in rows})


def test_a_plugin_that_does_not_return_keeps_the_window_open_with_a_sentence(hands, own_folders, monkeypatch):
    from app.window import main_window

    monkeypatch.setattr(main_window, "CLOSING_WAIT_MS", 50)
    release = own_folders / "release"
    os.mkfifo(release)  # opening it is one call of the system, which nothing interrupts
    race_stuck(hands, own_folders, f"open({str(release)!r}).close()")
    assert not hands.window.close()
    assert "plugin has not returned" in hands.window.notice.text.text()
    release.write_text("")
    hands.wait(lambda: not hands.window.isVisible())
    assert not hands.window.desk.running


def test_the_window_closes_while_a_policy_never_answers(hands, own_folders):
    race_stuck(hands, own_folders, "while True: pass")
    thread = hands.window.desk.runner._thread
    assert hands.window.close()
    assert not isValid(thread) or thread.isFinished()  # one that has ended is deleted soon after


def test_stop_ends_a_policy_that_never_answers(hands, own_folders):
    race_stuck(hands, own_folders, "while True: pass")
    hands.press("stop")
    assert hands.window.toolbar.progress_text.text() == "Stopping …"
    hands.wait_for_end()
    assert "Stopped" in hands.headline


def race_stuck(hands, own_folders, statement):
    """Race a policy that does not come back from a statement, until it is there."""
    reached = own_folders / "reached"
    (own_folders / "plugins").mkdir(exist_ok=True)
    (own_folders / "plugins" / "stuck.py").write_text(
        "from engine.placement import on\nfrom engine.scheduler import Scheduler\n"
        'class Stuck(Scheduler):\n    name = "stuck"\n    summary = "Waits."\n'
        "    def place(self, pending, state):\n"
        f"        open({str(reached)!r}, 'w').close()\n        {statement}\n"
        "        return [on(task, 0) for task in pending]\n"
    )
    hands.window.plugin_desk.load()
    hands.race_small(60, ("stuck",))
    hands.press("start")
    hands.wait(reached.exists)


def test_a_click_on_a_row_shows_that_policys_devices_also_after_the_race(hands):
    hands.race_small(60)
    hands.press("start")
    hands.wait_for_frame()
    hands.window.race_tab.ranking.selected.emit("round_robin")
    hands.wait(lambda: hands.window.desk.frame.strip.scheduler == "round_robin")
    hands.press("finish")
    hands.wait_for_end()
    hands.window.race_tab.ranking.selected.emit("mct")
    assert hands.window.desk.frame.strip.scheduler == "mct"
    assert "mct" in hands.window.race_tab.strip_card.title.whole


def test_a_policy_that_raises_is_greyed_with_its_reason(hands, own_folders):
    (own_folders / "plugins").mkdir(exist_ok=True)
    (own_folders / "plugins" / "fails.py").write_text(
        "from engine.scheduler import Scheduler\n\n\nclass Fails(Scheduler):\n"
        '    name = "fails"\n    summary = "Raises."\n\n'
        "    def place(self, pending, state):\n        raise ValueError('out of ideas')\n"
    )
    hands.window.plugin_desk.load()
    hands.race_small(60, ("mct", "fails"))
    hands.window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    assert "fails was disqualified" in hands.headline
    assert "out of ideas" in hands.window.notice.text.text()
    assert hands.window.race_tab.ranking.ranking.lanes[-1].scheduler == "fails"


def test_a_broken_plugin_is_listed_with_its_error_and_takes_nothing_with_it(hands, own_folders):
    from app.dialogs.plugins import PluginsDialog

    (own_folders / "plugins").mkdir(exist_ok=True)
    (own_folders / "plugins" / "broken.py").write_text("def place(:\n")
    hands.window.plugin_desk.load()
    assert "1 plugin failed" in hands.window.status.failed.text()
    hands.bot.mouseClick(hands.window.status.failed, Qt.MouseButton.LeftButton)
    dialog = hands.window.findChild(PluginsDialog)
    assert dialog.list.topLevelItem(0).text(0) == "broken"
    assert "SyntaxError" in dialog.text.toPlainText()
    dialog.accept()
    assert "mct" in hands.window.form.policies.names()


def test_a_policy_of_ones_own_is_written_listed_and_ticked(hands, own_folders, monkeypatch):
    monkeypatch.setattr(hands.window.files.chooser, "text", lambda *_: "my_policy")
    monkeypatch.setattr(hands.window.plugin_desk, "open_folder", lambda: None)
    hands.window.form.new_policy.click()
    assert (own_folders / "plugins" / "my_policy.py").exists()
    assert "my_policy" in hands.window.form.policies.ticked()
    hands.race_small(60, ("mct", "my_policy"))
    hands.press("start")
    hands.wait_for_frame()
    hands.press("finish")
    hands.wait_for_end()
    assert "disqualified" not in hands.headline


def test_nothing_ticked_is_a_sentence_and_no_race(hands):
    hands.race_small(60, ())
    assert "Tick at least one policy" in hands.headline
    hands.press("start")
    assert not hands.window.desk.running
    assert "at least one scheduler" in hands.window.notice.text.text()


def test_a_workload_that_cannot_be_read_is_a_sentence_with_details(hands, tmp_path):
    path = tmp_path / "tasks.csv"
    path.write_text("arrival_s,actual_cpu_s,actual_gpu_s\n0,1,-3\n")
    hands.window.form.choose_workload(str(path))
    hands.press("start")
    hands.wait_for_end()
    assert hands.window.notice.isVisible()
    assert "actual_gpu_s" in hands.window.notice.text.text()
    assert hands.window.action_set.by_id["start"].isEnabled()


@pytest.mark.parametrize("storage_kind", ["csv"])
def test_a_data_folder_that_cannot_be_written_is_said_and_nothing_starts(hands, own_folders):
    (own_folders / "data").write_text("a file where the folder should be")
    hands.race_small()
    hands.press("start")
    hands.wait_for_end()
    assert "The race could not be run" in hands.headline
    assert f"Nothing can be recorded in {own_folders / 'data' / 'runs'}" in hands.window.notice.text.text()
    assert hands.window.desk.frame is None


def test_a_race_file_is_saved_and_opened_again(hands, tmp_path, monkeypatch):
    path = tmp_path / "race.toml"
    monkeypatch.setattr(hands.window.files.chooser, "save_file", lambda *_: path)
    monkeypatch.setattr(hands.window.files.chooser, "open_file", lambda *_: path)
    hands.race_small(123, ("met", "mct"))
    before = hands.window.form.spec()
    hands.press("save_race")
    hands.race_small(7, ("random",))
    hands.press("open_race")
    assert hands.window.form.spec() == before


def test_results_are_exported_by_racing_once_more(hands, tmp_path, monkeypatch):
    monkeypatch.setattr(hands.window.files.chooser, "folder", lambda *_: tmp_path / "out")
    hands.race_small(60)
    hands.press("start")
    hands.wait_for_frame()
    hands.press("finish")
    hands.wait_for_end()
    hands.press("export")
    hands.wait_for_end()
    assert "results.csv" in hands.log[-1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.csv", "summary.json", "race.toml"}


def test_a_dropped_csv_becomes_the_workload_and_a_toml_the_race(hands, tmp_path):
    table, race = tmp_path / "tasks.csv", tmp_path / "race.toml"
    table.write_text("arrival_s,actual_cpu_s,actual_gpu_s\n0,1,2\n")
    race.write_text('seed = 9\n[[scheduler]]\nname = "mct"\n')
    hands.window.files.take([table])
    assert hands.window.form.workload.currentData() == str(table)
    assert "csv_file" in hands.window.form.workload_about.text()
    hands.window.files.take([race])
    assert hands.window.form.seed.value() == 9
    assert hands.window.form.policies.ticked() == ["mct"]


def test_a_dropped_cluster_file_becomes_the_cluster_and_changes_nothing_else(hands, tmp_path):
    cluster = tmp_path / "mine.toml"
    cluster.write_text('name = "mine"\n[[device]]\nid = "node"\nkind = "cpu"\nmodel = "cpu"\ncount = 3\n')
    hands.race_small(123, ("met",))
    hands.window.files.take([cluster])
    form = hands.window.form
    assert form.cluster.currentData() == str(cluster)
    assert "3 CPU" in form.cluster_about.text()
    assert (form.tasks.value(), form.policies.ticked()) == (123, ["met"])
    assert not hands.window.notice.isVisible()


def titles(hands):
    race, cluster = hands.window.race_tab, hands.window.cluster_tab
    cards = (race.ranking_card, race.curves_card, race.strip_card, *cluster.cards.values(), cluster.work_card)
    return [card.title.whole for card in cards]


@pytest.fixture
def untouched(hands):
    """The titles of a window in which nothing has raced, and a race that has then changed them all."""
    first = titles(hands)
    hands.race_small(60)
    hands.window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    assert not set(first) & set(titles(hands))
    return first


def test_no_title_of_the_race_before_stays_after_one_that_failed(hands, untouched, tmp_path):
    hands.window.form.choose_workload(str(tmp_path / "none.csv"))
    hands.press("start")
    hands.wait_for_end()
    assert "The race could not be run" in hands.headline
    assert titles(hands) == untouched
    assert hands.window.race_tab.ranking_card.empty.isVisible()
    assert not hands.window.action_set.by_id["export"].isEnabled()


def test_no_title_of_the_race_before_stays_when_a_race_file_is_opened(hands, untouched, tmp_path):
    race = tmp_path / "race.toml"
    race.write_text('[[scheduler]]\nname = "mct"\n')
    hands.window.files.take([race])
    assert "Press Start" in hands.headline
    assert titles(hands) == untouched
    assert hands.window.toolbar.progress_text.text() == ""


def test_no_title_of_the_race_before_stays_over_charts_that_are_still_empty(hands, untouched):
    hands.window.race_tab.begin(load_cluster("default"), ["mct"], "mct")
    hands.window.cluster_tab.begin(load_cluster("default"))
    assert titles(hands) == untouched


def test_the_verdict_of_a_race_stays_when_another_tab_is_looked_at(hands):
    hands.window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    said = hands.window.race_tab.headline.whole
    for tab in (hands.window.learning_tab, hands.window.race_tab):
        hands.window.tabs.setCurrentWidget(tab)
    assert hands.window.race_tab.headline.whole == said and " wins" in said


def test_the_cluster_that_came_with_a_trace_leaves_with_it(hands, tmp_path):
    trace = tmp_path / "jobs.swf"
    trace.write_text("; MaxProcs: 64\n1 0 0 10 4 -1 -1 4 20 -1 1 1 1 1 1 1 -1 -1\n")
    form = hands.window.form
    hands.window.files.choose_workload(trace)
    assert form.cluster.currentData() == "processors:64"
    form.choose_workload("synthetic")
    assert form.cluster.currentData() == "default"
    form.choose_cluster("small")
    hands.window.files.choose_workload(trace)
    form.choose_cluster("machines:4")  # by hand: it stays
    form.choose_workload("synthetic")
    assert form.cluster.currentData() == "machines:4"


def test_a_stopped_race_is_counted_in_one_way(hands):
    hands.race_small(2000, ("cpu_only", "mct"))
    hands.window.desk.set_speed(4.0)
    hands.press("start")
    hands.wait_for_frame()
    hands.wait(lambda: hands.finished > 200)
    hands.press("stop")
    hands.wait_for_end()
    least = min(lane.finished for lane in hands.window.desk.frame.lanes)
    assert 2 * least < hands.finished
    assert hands.window.toolbar.progress_text.text() == f"{least:,} of 2,000 tasks"
    assert hands.window.toolbar.progress.value() == least
    assert f"Stopped after {least:,} of 2,000 tasks." in hands.headline


def test_last_choices_come_back(hands, own_folders):
    from app.window.opening import make_window

    hands.race_small(77, ("met",))
    hands.window.theme_dark()
    hands.window.desk.set_speed(math.inf)
    hands.window.close()
    again = make_window(own_folders / "config")
    hands.bot.addWidget(again)
    again.show()
    hands.wait(lambda: again.action_set.by_id["start"].isEnabled())
    assert again.form.policies.ticked() == ["met"]
    assert again.form.tasks.value() == 77
    assert again.theme.choice == "dark"
    assert math.isinf(again.desk.speed)
    again.close()


def test_every_metric_and_policy_has_a_tooltip(hands):
    model = hands.window.race_tab.ranking.ranking
    for section in range(1, model.columnCount()):
        assert METRICS[section - 1].meaning in model.headerData(
            section, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole
        )
    for name, row in hands.window.form.policies._rows.items():
        assert len(row.toolTip()) > len(name) + 40, name


def test_a_second_name_of_a_rule_is_no_choice_of_its_own_but_a_race_file_may_use_it(hands, tmp_path):
    rows = hands.window.form.policies._rows
    assert "greedy" not in rows
    assert "also called greedy" in rows["met"].toolTip()
    race = tmp_path / "race.toml"
    race.write_text('[[scheduler]]\nname = "greedy"\n')
    hands.window.files.take([race])
    assert hands.window.form.policies.ticked() == ["greedy"]


def test_a_policy_keeps_its_colour_whatever_else_races(hands):
    look = hands.window.look
    before = {name: look.style(name) for name in hands.window.form.policies.names()}
    hands.race_small(60, ("min_min",))
    assert {name: look.style(name) for name in before} == before
    assert all(style.dashed == is_clairvoyant(name) for name, style in before.items())


@pytest.mark.parametrize("theme", ["theme_light", "theme_dark"])
def test_the_window_is_painted_in_both_themes(hands, theme):
    hands.race_small(60)
    hands.press(theme)
    hands.press("start")
    hands.wait_for_frame()
    hands.press("finish")
    hands.wait_for_end()
    picture = hands.window.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 7) for y in range(0, picture.height(), 7)}
    assert len(colours) > 40
    corner = picture.pixelColor(picture.width() - 3, 300).lightness()
    assert (corner < 100) == (theme == "theme_dark")


def test_settings_say_why_a_connection_cannot_be_made(hands):
    from app.dialogs.settings import SettingsDialog

    hands.press("settings")
    dialog = hands.window.findChild(SettingsDialog)
    dialog.kind.setCurrentIndex(dialog.kind.findData("postgresql"))
    dialog.host.setText("127.0.0.1")
    dialog.port.setValue(1)
    dialog.user.setText("someone")
    hands.bot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    hands.wait(lambda: dialog.answer.objectName() == "bad")
    assert "127.0.0.1" in dialog.answer.text()
    dialog.reject()


def test_settings_are_kept(hands, own_folders):
    from app.dialogs.settings import SettingsDialog

    hands.press("settings")
    dialog = hands.window.findChild(SettingsDialog)
    dialog.kind.setCurrentIndex(dialog.kind.findData("csv"))
    hands.bot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    hands.wait(lambda: "CSV" in hands.window.status.storage.whole)
    assert 'kind = "csv"' in (own_folders / "config" / "storage.toml").read_text()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on: it counts nothing")
def test_void_methods_keep_the_reference_count_of_none(qapp: QApplication):
    """PySide6 6.12.0 dropped one reference at each call and aborted Python 3.11 after some thousand of them."""
    from PySide6.QtWidgets import QLabel

    label = QLabel()
    before = sys.getrefcount(None)
    for number in range(1000):
        label.setText(str(number))
    assert abs(sys.getrefcount(None) - before) < 100


def test_the_title_of_the_ranking_tells_its_rows_of_the_same_frame_and_by_the_metric_of_their_order(hands, monkeypatch):
    hands.race_small()
    hands.window.desk.set_speed(math.inf)
    hands.press("start")
    hands.wait_for_end()
    tab, frame = hands.window.race_tab, hands.window.desk.frame
    for at_s, mean_s in ((1e9, 2.0), (1e9 + 0.3, 3.0), (1e9 + 0.6, 4.0)):
        monkeypatch.setattr("app.window.race_tab.time", SimpleNamespace(monotonic=lambda at_s=at_s: at_s))
        lanes = (replace(lane, mean_response_s=mean_s) for lane in frame.lanes)
        tab.show_frame(replace(frame, lanes=tuple(lanes)))
        assert tab.ranking_card.title.whole.endswith(f": {tab.ranking.ranking.text(0, 1)}")
    energy = next(column for column, metric in enumerate(METRICS, start=1) if metric.key == "energy_j")
    tab.ranking.horizontalHeader().sectionClicked.emit(energy)
    assert tab.ranking_card.title.whole.endswith(f"lowest energy: {tab.ranking.ranking.text(0, energy)}")
