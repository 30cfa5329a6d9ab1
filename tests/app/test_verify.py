"""Published cases: their files, their formulas, and the three ways in which a case can end."""

from __future__ import annotations

import json
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest

from app.__main__ import main
from app.command.verify import line, summary
from app.verify.case import Case, parse_cases, read_cases, with_own
from app.verify.figures import FIGURES
from app.verify.formula import value_of
from app.verify.published import published_cases
from app.verify.running import Outcome, run_cases
from engine.errors import Cancelled, InputError
from plugins.registry import Registry, load_registry

TWO_TASKS = """
[[case]]
id = "two"
source = "worked out by hand"
csv = "id,arrival_s,actual_cpu_s\\na,0,3\\nb,1,2"
cluster = "processors:1"
scheduler = "mct"
metric = "mean_response_s"
expected = 3.5
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(plugins=[])


def outcome_of(text: str, registry: Registry, data: Path | None = None) -> Outcome:
    (outcome,) = run_cases(parse_cases(text, "cases.toml"), data, registry)
    return outcome


def test_a_case_passes_when_the_race_gives_the_figure(registry: Registry) -> None:
    outcome = outcome_of(TWO_TASKS, registry)
    assert (outcome.status, outcome.got, outcome.reason) == ("pass", 3.5, "")


def test_a_case_fails_outside_of_its_tolerance_and_says_by_how_much(registry: Registry) -> None:
    assert outcome_of(TWO_TASKS.replace("3.5", "3.6\ntolerance = 0.11"), registry).status == "pass"
    outcome = outcome_of(TWO_TASKS.replace("3.5", "3.6\ntolerance = 0.05"), registry)
    assert outcome.status == "fail" and outcome.got == 3.5
    assert outcome.reason == "3.5 is 0.1 away from 3.6."


def test_a_case_whose_race_cannot_start_fails_with_the_reason_and_the_next_one_runs(registry: Registry) -> None:
    broken = TWO_TASKS.replace('"two"', '"broken"').replace('"mct"', '"mcct"')
    first, second = run_cases(parse_cases(broken + TWO_TASKS, "cases.toml"), None, registry)
    assert (first.status, first.got) == ("fail", None) and "Did you mean 'mct'?" in first.reason
    assert second.status == "pass"


def test_a_case_without_its_file_says_no_data_and_where_to_get_it(registry: Registry, tmp_path: Path) -> None:
    text = TWO_TASKS.replace("csv = ", 'workload = "csv_file:two.csv"\ndata_from = "Ask us."\n# ')
    for folder in (None, tmp_path):
        outcome = outcome_of(text, registry, folder)
        assert outcome.status == "no data" and "two.csv" in outcome.reason and outcome.reason.endswith("Ask us.")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "two.csv").write_text("id,arrival_s,actual_cpu_s\na,0,3\nb,1,2")
    assert outcome_of(text, registry, tmp_path).status == "pass"


def test_a_schedule_is_compared_line_by_line(registry: Registry) -> None:
    right = '\nschedule = [["a", "processors", 0, 3], ["b", "processors", 3, 5]]'
    assert outcome_of(TWO_TASKS + right, registry).status == "pass"
    outcome = outcome_of(TWO_TASKS + right.replace("3, 5", "3, 6"), registry)
    assert outcome.status == "fail"
    assert outcome.reason == "Task b ran on processors from 3 to 5 s; published is processors from 3 to 6 s."


def test_windows_give_the_mean_over_slices_of_the_file(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "log.swf").write_text(
        "".join(f"{i + 1} {10 * i} 0 {i + 1} 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n" for i in range(6))
    )
    text = """
[[case]]
id = "windows"
source = "worked out by hand: jobs 2 and 3 run 2 and 3 s, jobs 5 and 6 run 5 and 6 s, none waits"
workload = "swf:log.swf"
cluster = "processors:4"
scheduler = "fcfs"
tasks = 2
windows = [1, 4]
metric = "mean_response_s"
expected = 4.0
"""
    assert outcome_of(text, registry, tmp_path).status == "pass"


def test_replications_give_an_interval_that_a_wrong_figure_misses(registry: Registry) -> None:
    text = """
[[case]]
id = "queue"
source = "M/M/1 at 0.5: rho / (mu - lambda) = 1"
workload = "queueing"
workload_params = { rate_per_s = 0.5 }
cluster = "processors:1"
scheduler = "mct"
tasks = 4000
metric = "mean_wait_s"
expected = 1.0
replications = 8
"""
    right = outcome_of(text, registry)
    assert right.status == "pass" and 0.0 < right.tolerance < 0.3
    wrong = outcome_of(text.replace("expected = 1.0", "expected = 1.6"), registry)
    assert (wrong.status, wrong.got, wrong.tolerance) == ("fail", right.got, right.tolerance)


def test_cancelling_ends_the_cases_at_once(registry: Registry) -> None:
    def cancel(share: float) -> None:
        raise Cancelled("stopped")

    long = TWO_TASKS.replace("csv =", 'workload = "queueing"\ntasks = 20000\n# ')
    with pytest.raises(Cancelled):
        list(run_cases(parse_cases(long, "cases.toml"), None, registry, cancel))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("expected = 3.5", ""), "has no expected"),
        (("expected = 3.5", 'expected = "3.5"'), "must be a number"),
        (("expected = 3.5", "expected = nan"), "must be a number"),
        (("expected = 3.5", "expected = 3.5\ntolerance = inf"), "must be a number"),
        (("metric", "metrik"), "Did you mean 'metric'?"),
        (("mean_response_s", "mean_respose_s"), "Did you mean 'mean_response_s'?"),
        (("mean_response_s", "mean_response_s +"), "is no formula"),
        (("expected = 3.5", "expected = 3.5\nwindows = [-1]"), "whole number of 0 or more"),
        (("expected = 3.5", "expected = 3.5\nschedule = [[1, 2]]"), "a line of the schedule"),
        (("expected = 3.5", "expected = 3.5\ntolerance = -1"), "must be 0 or more"),
        (("expected = 3.5", "expected = 3.5\nreplications = 0"), "from 1 to"),
        (("expected = 3.5", "expected = 3.5\nreplications = 3\ntolerance = 1"), "an interval of their own"),
        (("csv = ", 'workload = "synthetic"\ncsv = '), "either a workload or csv"),
        (("[[case]]", "[[cases]]"), "unknown key 'cases'"),
        (("[[case]]", "[case"), "is not TOML"),
    ],
)
def test_a_bad_case_file_is_refused_with_the_file_the_case_and_the_key(change: tuple[str, str], said: str) -> None:
    with pytest.raises(InputError, match=r"cases\.toml|metric") as raised:
        parse_cases(TWO_TASKS.replace(*change), "cases.toml")
    assert said in str(raised.value)


def test_two_cases_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="two cases called 'two'"):
        parse_cases(TWO_TASKS + TWO_TASKS, "cases.toml")


@pytest.mark.parametrize(
    ("formula", "value"),
    [("2 * a - b / 4", 5.5), ("-(a + b) * .5", -3.5), ("max(a, b, 9)", 9.0), ("min(a, b)", 3.0), ("abs(b - 7)", 3.0)],
)
def test_a_formula_is_plain_arithmetic_over_figures(formula: str, value: float) -> None:
    assert value_of(formula, {"a": 3.0, "b": 2.0 if "4" in formula else 4.0}) == value


@pytest.mark.parametrize(
    "formula", ["a ** 9", "a.real", "__import__('os')", "a if b else a", "[a]", "'x'", "True", "abs(a, b)", "min()"]
)
def test_a_formula_can_do_nothing_else(formula: str) -> None:
    with pytest.raises(InputError):
        value_of(formula, {"a": 1.0, "b": 2.0})


def test_a_formula_that_leaves_all_numbers_is_refused() -> None:
    for formula in ("1e308 * 1e308", "a * " + "9" * 400):
        with pytest.raises(InputError, match="The metric"):
            value_of(formula, {"a": 1.0})


def test_a_case_may_be_called_anything_and_writes_nowhere_else(registry: Registry, tmp_path: Path) -> None:
    for name in (f"{tmp_path}/own", "a/b", "x" * 300):
        assert outcome_of(TWO_TASKS.replace('"two"', f'"{name}"'), registry).status == "pass"
    assert not list(tmp_path.iterdir())


def test_the_data_folder_comes_before_a_file_of_the_same_name_in_the_folder_one_is_in(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TWO_TASKS.replace("csv = ", 'workload = "csv_file:tasks"\n# ')  # also without a suffix
    for folder, seconds in (("here", 30), ("data", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tasks").write_text(f"id,arrival_s,actual_cpu_s\na,0,{seconds}\nb,1,2")
    monkeypatch.chdir(tmp_path / "here")
    assert outcome_of(text, registry, tmp_path / "data").status == "pass"
    assert outcome_of(text, registry).status == "no data"


def test_a_case_of_ones_own_needs_an_id_of_its_own() -> None:
    with pytest.raises(InputError, match="published case is called 'two' too"):
        with_own(parse_cases(TWO_TASKS, "a"), parse_cases(TWO_TASKS, "b"))


def test_a_formula_says_what_this_race_does_not_have() -> None:
    with pytest.raises(InputError, match="has no utilisation_gpu"):
        value_of("utilisation_gpu", {"utilisation_gpu": None})
    with pytest.raises(InputError, match="divides by 0"):
        value_of("a / a", {"a": 0.0})


def test_a_users_case_finds_its_files_beside_it(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "two.csv").write_text("id,arrival_s,actual_cpu_s\na,0,3\nb,1,2")
    (tmp_path / "cases.toml").write_text(TWO_TASKS.replace("csv = ", 'workload = "two.csv"\n# '))
    (outcome,) = run_cases(read_cases(tmp_path / "cases.toml"), None, registry)
    assert outcome.status == "pass"


def test_the_published_cases_name_their_source_and_where_to_get_a_file() -> None:
    cases = published_cases()
    assert len({case.id for case in cases}) == len(cases) >= 60
    assert all(case.title and len(case.source) > 20 for case in cases)
    assert all(case.data_from for case in cases if ":" in case.workload)


def test_the_summary_counts_and_the_line_shows_what_was_expected_and_got() -> None:
    case = Case(id="x", source="s", scheduler="mct", metric="cost", expected=2.0)
    outcomes = [Outcome(case, "pass", 2.0, 0.0, "", 0.1), Outcome(case, "no data", None, 0.0, "It is gone.", 0.0)]
    counts = summary(outcomes)
    assert (counts["passed"], counts["failed"], counts["no_data"]) == (1, 0, 1)
    assert "expected 2, got 2" in line(outcomes[0]) and "It is gone." in line(outcomes[1])


def test_the_command_prints_one_json_object_and_fails_when_a_users_case_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.verify.published.published_cases", list)  # they have tests of their own
    (tmp_path / "own.toml").write_text(TWO_TASKS.replace("3.5", "4.5"))
    assert main(["verify", "--json", "--cases", str(tmp_path / "own.toml")]) == 1
    found = json.loads(capsys.readouterr().out)
    (case,) = found["cases"]
    assert (case["id"], case["status"], case["expected"], case["got"]) == ("two", "fail", 4.5, 3.5)
    assert (found["passed"], found["failed"], found["no_data"]) == (0, 1, 0)


def test_the_command_refuses_a_data_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--data", "/nowhere/at/all"]) == 2
    assert "There is no folder '/nowhere/at/all'" in capsys.readouterr().err


def test_the_help_page_explains_every_figure_and_every_key_and_its_example_holds(registry: Registry) -> None:
    page = (files("resources") / "help" / "verify.md").read_text(encoding="utf-8")
    for name, meaning in FIGURES.items():
        assert f"| `{name}` | {meaning} |" in page
    for key in (field.name for field in fields(Case) if field.name != "devices"):
        assert key in page
    example = page.partition("```toml\n")[2].partition("```")[0]
    assert outcome_of(example, registry).status == "pass"
