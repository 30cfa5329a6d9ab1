"""``schedrace plugins``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plugins.conformance import check

from .conftest import Command


def test_a_new_policy_races_at_once_and_passes_the_checks(schedrace: Command, own_folders: Path) -> None:
    said = schedrace("plugins", "new", "my_policy")
    path = own_folders / "plugins" / "my_policy.py"
    assert said.status == 0
    assert str(path) in said.out
    race = schedrace("race", "--tasks", "60", "--schedulers", "mct,my_policy", "--storage", "none", "--json")
    assert [row["status"] for row in json.loads(race.out)["schedulers"]] == ["finished", "finished"]
    check = schedrace("plugins", "check", path)
    assert check.status == 0, check.out


@pytest.mark.parametrize("kind", ["estimator", "workload", "storage"])
def test_a_new_plugin_of_every_kind_is_loaded_and_races_as_is_said(schedrace: Command, kind: str) -> None:
    new = schedrace("plugins", "new", f"my_{kind}", "--kind", kind)
    assert new.status == 0
    race = next(line.partition(": schedrace ")[2] for line in new.out.splitlines() if "schedrace race" in line)
    assert f"my_{kind}" in race
    recorded = () if kind == "storage" else ("--storage", "none")
    said = schedrace(*race.split(), "--tasks", 40, "--quiet", *recorded)
    assert (said.status, said.err) == (0, "")
    records = {record["name"]: record for record in json.loads(schedrace("plugins", "list", "--json").out)}
    assert records[f"my_{kind}"]["state"] == "active", records[f"my_{kind}"]["error"]


def test_a_name_that_is_none_and_a_file_that_exists_are_refused(schedrace: Command) -> None:
    assert schedrace("plugins", "new", "My Policy").status == 2
    assert schedrace("plugins", "new", "my_policy").status == 0
    again = schedrace("plugins", "new", "my_policy")
    assert again.status == 2
    assert "my_policy" in again.err


@pytest.mark.parametrize(
    "asked", [("--schedulers", "broken"), ("--schedulers", "mct+broken"), ("--workload", "broken")]
)
def test_a_plugin_that_failed_and_is_asked_for_is_named_with_the_reason(
    schedrace: Command, drop_in: Any, asked: tuple[str, str]
) -> None:
    drop_in("broken", "def place(:\n")
    said = schedrace("race", *asked, "--storage", "none")
    assert said.status == 2
    assert "broken.py is not in use: " in said.err and "has a syntax error in line 1" in said.err


@pytest.mark.parametrize("estimator", ["forest", "true"])
def test_an_estimator_that_is_named_as_a_scheduler_is_told_from_one(schedrace: Command, estimator: str) -> None:
    said = schedrace("race", "--schedulers", f"mct,{estimator}", "--storage", "none")
    assert said.status == 2
    assert f"'{estimator}' is an estimator, which answers a scheduler; write mct+{estimator}." in said.err


def test_the_list_shows_a_broken_plugin_with_its_error(schedrace: Command, drop_in: Any) -> None:
    drop_in("broken", "def place(:\n")
    said = schedrace("plugins", "list")
    assert said.status == 0
    assert "broken" in said.out
    assert "failed" in said.out
    assert "line 1" in said.out
    assert "mct" in said.out


def test_a_policy_that_misbehaves_fails_its_check(schedrace: Command, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(
        "from engine.placement import on\nfrom engine.scheduler import Scheduler\n"
        "class Bad(Scheduler):\n    name = 'bad'\n"
        "    def place(self, pending, state):\n        for task in pending:\n            yield on(task, 99)\n"
    )
    said = schedrace("plugins", "check", file)
    assert said.status == 1
    assert "FAIL" in said.out
    assert "checks failed" in said.err


def test_a_file_that_is_not_there_is_named(schedrace: Command) -> None:
    said = schedrace("plugins", "check", "nothing.py")
    assert said.status in (1, 2)
    assert "nothing.py" in said.err + said.out


STUCK = """
from engine.scheduler import Scheduler
class Stuck(Scheduler):
    name = 'stuck'
    def place(self, pending, state):
        return []
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    def place(self, pending, state):\n        while True: pass\n", "one task: too slow: it never answered"),
        ("    def __init__(self, *given):\n        while True: pass\n", "The set-up of 'stuck' did not end"),
        ("    @classmethod\n    def declines(cls, *given):\n        while True: pass\n", "declines() did not end"),
        ("while True: pass\n", "stuck.py, loads: Loading it did not end"),
    ],
    ids=["in place()", "in its constructor", "in declines()", "when it is loaded"],
)
def test_a_policy_that_never_answers_is_a_failed_check(
    schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setattr(check, "_ANSWER_S", 0.5)
    monkeypatch.setattr(check, "_PATIENCE_S", 1.0)
    file = tmp_path / "stuck.py"
    file.write_text(STUCK + body)
    answer = schedrace("plugins", "check", file)
    assert answer.status == 1
    assert said in answer.out
    assert answer.out.count("FAIL") == 1


def test_an_estimator_that_never_answers_is_a_failed_check(
    schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_ANSWER_S", 0.5)
    file = tmp_path / "stuck.py"
    file.write_text(
        "from engine.estimator import Estimator\nclass Stuck(Estimator):\n    name = 'stuck'\n"
        "    def seconds(self, task):\n        while True: pass\n"
    )
    answer = schedrace("plugins", "check", file)
    assert answer.status == 1
    assert "seconds: one task: seconds() for all tasks did not end" in answer.out
    assert answer.out.count("FAIL") == 1


BROKEN_LEARNER = """
from engine.learner import Learner
class Broken(Learner):
    name = 'broken'
    def fit(self, samples):
        {fit}
"""


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        ("raise ValueError('no idea')", "it raised ValueError: no idea at broken.py, line"),
        ("return lambda task: [-1.0] * len(self.context.models)", "they must be above 0"),
        ("return lambda task: [float('nan')] * len(self.context.models)", "they must be above 0"),
        ("return lambda task: [1.0]", "1 values for"),
        ("return lambda task: [][0]", "it raised IndexError"),
    ],
    ids=["the fit raises", "negative seconds", "no number", "too few seconds", "the prediction raises"],
)
def test_a_learner_that_a_race_goes_on_without_is_a_failed_check(
    schedrace: Command, tmp_path: Path, fit: str, said: str
) -> None:
    file = tmp_path / "broken.py"
    file.write_text(BROKEN_LEARNER.format(fit=fit))
    answer = schedrace("plugins", "check", file)
    assert answer.status == 1
    assert "FAIL  mct+broken, divisible tasks: 'broken' could not be retrained" in answer.out and said in answer.out
