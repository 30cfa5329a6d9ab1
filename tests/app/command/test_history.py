"""``schedrace history``: what was recorded, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from persistence.embedded.cluster import cluster_folder
from tests.app.command.conftest import Command
from tests.persistence.records import finished, header

RACE = ("race", "--tasks", 60, "--schedulers", "mct,oracle,random", "--quiet")


@pytest.fixture
def recorded(schedrace: Command, database_url: str) -> tuple[str, ...]:
    """Race twice into a database; return the options that read it."""
    for seed in (1, 2):
        assert schedrace(*RACE, "--seed", seed, "--db-url", database_url).status == 0
    return ("--db-url", database_url)


def answer(schedrace: Command, *arguments: object) -> Any:
    said = schedrace("history", *arguments, "--json")
    assert (said.status, said.err) == (0, "")
    return json.loads(said.out)


def read_from(answer: Any, storage: str) -> Any:
    """Check where an answer was read from, and return it without that."""
    if isinstance(answer, dict):
        assert answer.pop("storage", storage) == storage
    for value in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ():
        read_from(value, storage)
    return answer


def test_the_database_and_the_journals_alone_give_the_same_answers(
    schedrace: Command, recorded: tuple[str, ...]
) -> None:
    second, first = (row["run"] for row in answer(schedrace, *recorded)["runs"])
    for question in ((), (first, "--wins"), (first, second), ("last",)):
        of_database = read_from(answer(schedrace, *question, *recorded), "database")
        of_journals = read_from(answer(schedrace, *question, "--storage", "csv"), "csv")
        assert of_database == of_journals


@pytest.mark.parametrize("command", [("history",), ("cleanup", "--keep", 1, "--yes"), ("import-runs",)])
@pytest.mark.parametrize("below", ["", "below"])
def test_a_data_folder_that_can_be_none_is_named_and_no_server_is_made_for_it(
    schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...], below: str
) -> None:
    (tmp_path / "file").write_text("")
    data_dir = tmp_path / "file" / below
    monkeypatch.setenv("SCHEDRACE_DATA_DIR", str(data_dir))
    for storage in ("auto", "csv"):
        said = schedrace(*command, "--storage", storage)
        assert (said.status, said.out) == (1, "")
        assert f"The data folder {data_dir} cannot be used: there is a file in its place. Put that right" in said.err
    assert schedrace("check-db").status == 1
    assert not cluster_folder(data_dir).exists()


def test_the_list_is_newest_first_and_as_long_as_asked(schedrace: Command, recorded: tuple[str, ...]) -> None:
    runs = answer(schedrace, *recorded)["runs"]
    assert [row["seed"] for row in runs] == [2, 1]
    assert runs[0]["status"] == "finished" and runs[0]["ranking"][0] == "oracle" and runs[0]["tasks"] == 60
    assert answer(schedrace, *recorded, "--limit", 1)["runs"] == runs[:1]
    table = schedrace("history", *recorded).out
    assert table.index(runs[0]["run"]) < table.index(runs[1]["run"])


def test_the_best_of_a_run_is_the_winner_of_its_race_and_never_a_reference(
    schedrace: Command, recorded: tuple[str, ...]
) -> None:
    assert all(row["ranking"][:2] == ["oracle", "mct"] for row in answer(schedrace, *recorded)["runs"])
    table = schedrace("history", *recorded).out
    assert "oracle" not in table and table.count("mct") == 2


def test_policies_that_tie_are_told_as_a_tie_as_in_the_headline(schedrace: Command) -> None:
    raced = schedrace("race", "--tasks", 60, "--schedulers", "congestion,hybrid_ml,oracle", "--storage", "csv").out
    (row,) = answer(schedrace, "--storage", "csv")["runs"]
    means = dict(zip(row["ranking"], row["mean_response_s"], strict=True))
    assert means["congestion"] == means["hybrid_ml"]  # too short to learn anything
    assert "Too close to call: congestion and hybrid_ml" in raced
    assert "congestion and hybrid_ml tie" in schedrace("history", "--storage", "csv").out


def test_one_run_is_told_as_the_race_told_it(schedrace: Command, recorded: tuple[str, ...]) -> None:
    raced = json.loads(schedrace(*RACE[:-1], "--json", *recorded).out)
    told = answer(schedrace, "last", "--wins", *recorded)
    assert told["run"]["run"] == raced["run"] and told["run"]["digest"] == raced["digest"]
    for row in told["schedulers"]:
        (same,) = (one for one in raced["schedulers"] if one["name"] == row["scheduler"])
        assert {name: row[name] for name in ("mean_response_s", "p99_response_s", "energy_j", "digest", "regret")} == {
            name: same[name] for name in ("mean_response_s", "p99_response_s", "energy_j", "digest", "regret")
        }
    means = [row["mean_response_s"] for row in told["schedulers"]]
    assert means == sorted(means)
    wins = told["wins"]
    oracle, rnd = wins["schedulers"].index("oracle"), wins["schedulers"].index("random")
    assert wins["tasks"][oracle][rnd] == 60
    assert wins["sooner"][oracle][rnd] + wins["sooner"][rnd][oracle] + wins["ties"][oracle][rnd] == 60
    said = schedrace("history", "last", "--wins", *recorded).out
    assert "Read from the database" in said and "finished." in said and "Sooner than the others" in said


def test_two_runs_are_compared_figure_by_figure(schedrace: Command, recorded: tuple[str, ...]) -> None:
    assert schedrace("race", "--tasks", 60, "--schedulers", "mct,random,met", "--quiet", *recorded).status == 0
    other, _, first = (row["run"] for row in answer(schedrace, *recorded)["runs"])
    told = answer(schedrace, first, other, *recorded)
    assert (told["only_first"], told["only_second"]) == (["oracle"], ["met"])
    assert {row["scheduler"] for row in told["schedulers"]} == {"mct", "random"}
    for row in told["schedulers"]:
        figure = row["mean_response_s"]
        assert figure["ratio"] == pytest.approx(figure["second"] / figure["first"])
    said = schedrace("history", first, other, *recorded).out
    assert "Only in the first run: oracle." in said and "(x " in said


def test_a_run_that_is_cut_or_goes_on_is_shown_as_that(schedrace: Command, own_folders: Path) -> None:
    from persistence.journal.files import Journal
    from persistence.journal.rows import result_rows, timestamp

    runs_dir = own_folders / "data" / "runs"
    journal = Journal.create(runs_dir, header(100))
    journal.append({"scheduler_results": result_rows([(finished(0, 40), timestamp())], header().device_ids)})
    csv = ("--storage", "csv")
    assert answer(schedrace, *csv)["runs"][0]["status"] == "running"
    assert "it is going on; 40 task results of 100 so far" in schedrace("history", "last", *csv).out
    journal.close()
    run = answer(schedrace, "last", *csv)
    assert run["run"]["status"] == "interrupted" and run["run"]["finished_at"] is None
    assert [row["tasks"] for row in run["schedulers"]] == [40]
    assert "it was cut; 40 task results of 100 so far" in schedrace("history", "last", *csv).out
    assert "was cut" in schedrace("history", *csv).out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("result.json", "{}"),
        ("result.json", "[]"),
        ("result.json", '{"status": "finished", "finished_at": "x", "digest": "", "schedulers": []}'),
        ("result.json", '{"status": "finished", "finished_at": "2026-01-01", "digest": "", "schedulers": [{}]}'),
        ("run.json", None),
    ],
)
def test_one_damaged_journal_hides_no_other(
    schedrace: Command, own_folders: Path, caplog: pytest.LogCaptureFixture, name: str, text: str | None
) -> None:
    csv = ("--storage", "csv")
    for seed in (1, 2):
        assert schedrace(*RACE, "--seed", seed, *csv).status == 0
    good, bad = sorted(path.parent for path in (own_folders / "data" / "runs").glob("*/run.json"))
    (bad / name).write_text(text or (bad / name).read_text().replace("+00:00", ""))  # a time of no zone
    assert [row["run"] for row in answer(schedrace, *csv)["runs"]] == [good.name]
    assert str(bad) in caplog.text
    said = schedrace("history", bad.name, *csv)
    assert said.status == 1 and str(bad) in said.err


@pytest.mark.parametrize("line", [b"junk\n", b'"mct",1,x,2,3,"",0,0,0,2026-01-01 00:00:00+00\n'])
def test_a_line_that_is_no_row_is_a_sentence(schedrace: Command, own_folders: Path, line: bytes) -> None:
    csv = ("--storage", "csv")
    assert schedrace(*RACE, *csv).status == 0
    (run,) = (own_folders / "data" / "runs").iterdir()
    (run / "result.json").unlink()
    with (run / "scheduler_results.csv").open("ab") as file:
        file.write(line)
    said = schedrace("history", run.name, *csv)
    assert said.status == 1 and f"{run / 'scheduler_results.csv'} is damaged: " in said.err


def test_names_of_strangers_are_printed_as_they_are(schedrace: Command, own_folders: Path) -> None:
    from dataclasses import replace

    from persistence.journal.files import Journal

    Journal.create(own_folders / "data" / "runs", replace(header(), workload="[bold]x[/]", cluster="[red]")).close()
    said = schedrace("history", "--storage", "csv").out
    assert "[bold]x[/]" in said and "[red]" in said


def test_a_run_that_is_not_there_is_named_with_what_was_meant(schedrace: Command, recorded: tuple[str, ...]) -> None:
    run = answer(schedrace, *recorded)["runs"][0]["run"]
    said = schedrace("history", run[:-1] + "x", *recorded)
    assert said.status == 2 and f"Did you mean '{run}'?" in said.err
    said = schedrace("history", "../runs", "--storage", "csv")
    assert said.status == 2 and "There is no run" in said.err


def test_without_any_run_it_says_how_to_record_one(schedrace: Command) -> None:
    said = schedrace("history", "--storage", "csv")
    assert said.status == 0 and "schedrace race" in said.out
    said = schedrace("history", "last", "--storage", "csv")
    assert said.status == 2 and "Nothing is recorded yet" in said.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--storage", "none"), "Nothing can be read from the storage 'none'"),
        (("--storage", "csw"), "Did you mean 'csv'?"),
        (("--storage", "csv", "--db-url", "postgresql://x/y"), "leave one of them out"),
        (("--limit", 0), "give 1 or more"),
        (("last", "--limit", 3), "leave one of them out"),
        (("--wins",), "name one"),
    ],
)
def test_wrong_usage_is_a_sentence(schedrace: Command, options: tuple[object, ...], sentence: str) -> None:
    said = schedrace("history", *options)
    assert (said.status, said.out) == (2, "") and sentence in said.err


def test_a_database_that_does_not_answer_is_named(schedrace: Command) -> None:
    said = schedrace("history", "--db-url", "postgresql://nobody@127.0.0.1:9/none")
    assert said.status == 1 and "127.0.0.1" in said.err


def test_it_brings_in_no_qt() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from app.__main__ import main; status = main(['history', '--storage', 'csv']); "
        "sys.exit(status or any(name.startswith(('PySide6', 'pyqtgraph', 'scipy')) for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
