"""The Verify page in the real window: cases listed, run, stopped, and what came of them said."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from app.verify.case import Case, parse_cases
from app.window.verify_model import CASE, EXPECTED, GOT, RESULT
from app.window.verify_tab import VerifyTab
from tests.app.conftest import Hands

CASES = """
[[case]]
id = "right"
title = "Two tasks on one processor"
source = "worked out by hand"
csv = "id,arrival_s,actual_cpu_s\\na,0,3\\nb,1,2"
cluster = "processors:1"
scheduler = "mct"
metric = "mean_response_s"
expected = 3.5

[[case]]
id = "wrong"
source = "worked out by hand, wrongly"
csv = "id,arrival_s,actual_cpu_s\\na,0,3\\nb,1,2"
cluster = "processors:1"
scheduler = "mct"
metric = "mean_response_s"
expected = 4.5

[[case]]
id = "absent"
source = "a file that nobody has"
workload = "csv_file:gone.csv"
scheduler = "mct"
metric = "mean_response_s"
expected = 1
"""
LONG = """
[[case]]
id = "long"
source = "a queue that takes a while"
workload = "queueing"
cluster = "processors:1"
scheduler = "mct"
metric = "mean_wait_s"
expected = 2.3
tasks = 20000
replications = 1000
"""


@pytest.fixture
def page(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> VerifyTab:
    """The page as one finds it, with three small cases instead of the published ones."""
    cases: list[Case] = parse_cases(CASES, "cases.toml")
    monkeypatch.setattr("app.verify.published.published_cases", lambda: cases)
    hands.window.tabs.setCurrentWidget(hands.window.verify_tab)
    return hands.window.verify_tab


def text(page: VerifyTab, row: int, column: int) -> str:
    """Return what a cell of the table shows."""
    return str(page.model.data(page.model.index(row, column), Qt.ItemDataRole.DisplayRole))


def test_the_cases_are_listed_with_what_is_expected_before_any_is_run(page: VerifyTab) -> None:
    assert [text(page, row, CASE) for row in range(3)] == ["Two tasks on one processor", "wrong", "absent"]
    assert text(page, 0, EXPECTED) == "3.5" and text(page, 0, GOT) == ""
    assert page.finding.whole == "3 published results to compare with"


def test_running_them_fills_the_table_and_states_what_did_not_come_out(hands: Hands, page: VerifyTab) -> None:
    page.run_button.click()
    hands.wait(lambda: not page.running)
    assert [text(page, row, RESULT) for row in range(3)] == ["pass", "fail", "no data"]
    assert [text(page, row, GOT) for row in range(3)] == ["3.5", "3.5", ""]
    assert page.finding.whole == "1 of 2 published results did not come out; 1 without data."
    assert page.run_button.text() == "Run all cases"


def test_a_folder_with_the_trace_is_used_and_remembered(
    hands: Hands, page: VerifyTab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone.csv").write_text("arrival_s,actual_cpu_s,actual_gpu_s\n0,1,1\n")
    monkeypatch.setattr(hands.window.files.chooser, "folder", lambda *_: tmp_path)
    page.folder_button.click()
    page.run_button.click()
    hands.wait(lambda: not page.running)
    assert text(page, 2, RESULT) == "pass"
    hands.window.close()
    assert hands.window.preferences.verify_data == str(tmp_path)


def test_a_long_verification_can_be_stopped_and_leaves_no_thread_when_the_window_closes(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = hands.window.verify_tab
    cases = parse_cases(LONG, "cases.toml")
    monkeypatch.setattr("app.verify.published.published_cases", lambda: cases)
    hands.window.tabs.setCurrentWidget(page)
    page.run_button.click()
    assert page.running and page.run_button.text() == "Stop"
    page.run_button.click()
    hands.wait(lambda: not page.running)
    assert page.finding.whole == "Nothing could be compared; stopped after 0 of 1 cases."
    page.run_button.click()
    assert hands.window.close()  # the fixture of every test fails when a thread is left
