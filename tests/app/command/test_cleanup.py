"""``schedrace cleanup``."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persistence.journal.files import Journal

from .conftest import Command

KEYS = ["dry_run", "stopped", "runs", "cleaned", "kept", "rows", "journal_bytes"]
RUN_KEYS = ["run", "kept", "rows", "journal_bytes"]
TASKS = 60


def record(schedrace: Command) -> str:
    said = schedrace("race", "--tasks", TASKS, "--schedulers", "mct", "--json")
    return str(json.loads(said.out)["run"])


@pytest.fixture
def runs_dir(own_folders: Path) -> Path:
    return own_folders / "data" / "runs"


@pytest.fixture
def csv(own_folders: Path) -> None:
    """The settings choose CSV alone."""
    (own_folders / "config").mkdir()
    (own_folders / "config" / "storage.toml").write_text('kind = "csv"\n')


def parsed(said: Any) -> dict[str, Any]:
    """The stable object that scripts read; the help names its keys."""
    report: dict[str, Any] = json.loads(said.out)
    assert list(report) == KEYS
    assert all(list(row) == RUN_KEYS for row in report["runs"])
    return report


def test_runs_beyond_the_newest_go_from_the_database_and_from_the_disk(
    schedrace: Command, database_url: str, monkeypatch: pytest.MonkeyPatch, runs_dir: Path
) -> None:
    monkeypatch.setenv("SCHEDRACE_DATABASE_URL", database_url)
    recorded = [record(schedrace) for _ in range(3)]
    would = parsed(schedrace("cleanup", "--keep", 1, "--dry-run", "--json"))
    assert (would["dry_run"], would["cleaned"], would["kept"], len(list(runs_dir.iterdir()))) == (True, 2, 1, 3)
    newest = would["runs"].pop()
    assert (newest["run"], newest["kept"]) == (recorded[-1], "it is the newest that is over")

    done = parsed(schedrace("cleanup", "--keep", 1, "--yes", "--json"))
    assert done == {**would, "dry_run": False, "kept": 0}
    assert sorted(row["run"] for row in done["runs"]) == sorted(
        set(recorded) - {path.name for path in runs_dir.iterdir()}
    )
    assert done["rows"]["scheduler_results"] == done["rows"]["tasks"] == 2 * TASKS
    listed = json.loads(schedrace("history", "--json").out)["runs"]
    assert [row["run"] for row in listed] == [path.name for path in runs_dir.iterdir()]
    assert schedrace("check-db").status == 0


def test_text_says_run_by_run_what_goes_and_a_total(csv: None, schedrace: Command, runs_dir: Path) -> None:
    run = record(schedrace)
    size = sum(path.stat().st_size for path in (runs_dir / run).iterdir())
    would = schedrace("cleanup", run, "--dry-run")
    assert (would.status, would.err) == (0, "")
    first, last = would.out.splitlines()
    assert first.startswith(f"goes  {run}  tasks {TASKS}, scheduler_results {TASKS},")
    assert first.endswith(f"journal {size / 1e6:,.1f} MB")
    assert last.startswith("Would go: 1 run, ")
    done = schedrace("cleanup", run)
    assert (done.status, done.out.splitlines()[0]) == (0, first)
    assert done.out.splitlines()[1] == last.replace("Would go", "Gone for good")


def test_a_dry_run_says_why_the_rule_keeps_a_run(csv: None, schedrace: Command) -> None:
    old, new = (record(schedrace) for _ in range(2))
    would = schedrace("cleanup", "--keep", 1, "--older-than", 0, "--dry-run").out.splitlines()
    assert would[0].startswith(f"goes  {old}  ")
    assert would[1] == f"kept  {new}  it is the newest that is over"
    assert would[2].startswith("Would go: 1 run, ") and would[2].endswith("; 1 run kept.")
    young = schedrace("cleanup", "--older-than", 1, "--dry-run").out.splitlines()
    assert young[:2] == [f"kept  {run}  it is younger than asked for" for run in (old, new)]
    assert schedrace("cleanup", "--keep", 5).out == (
        "Every run is kept, as --keep or --older-than asks; nothing was deleted.\n"
    )


def test_a_race_that_goes_on_takes_no_place_among_the_newest_runs(
    csv: None, schedrace: Command, runs_dir: Path
) -> None:
    older, over, racing = (record(schedrace) for _ in range(3))
    journal = Journal(runs_dir / racing)
    (runs_dir / racing / "result.json").unlink()
    would = json.loads(schedrace("cleanup", "--keep", 1, "--dry-run", "--json").out)["runs"]
    assert [(row["run"], row["kept"]) for row in would[1:]] == [
        (over, "it is the newest that is over"),
        (racing, "it is still going on"),
    ]
    assert schedrace("cleanup", "--keep", 1, "--yes").status == 0
    journal.close()
    assert {path.name for path in runs_dir.iterdir()} == {over, racing}
    assert older not in {over, racing}


def test_no_other_run_is_suggested_for_deletion(csv: None, schedrace: Command) -> None:
    run = record(schedrace)
    said = schedrace("cleanup", f"{run}x", "--yes")
    assert said.status == 2
    assert said.err == f"There is no run '{run}x', so nothing was deleted. 'schedrace history' lists the runs.\n"


def test_a_race_deletes_what_the_settings_keep_no_longer_and_says_so(
    csv: None, schedrace: Command, own_folders: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.recording.recorder.REPLAY_S", 3.0)  # a machine with other work
    old = [record(schedrace) for _ in range(2)]
    (own_folders / "config" / "storage.toml").write_text('kind = "csv"\nkeep_runs = 1\n')
    said = schedrace("race", "--tasks", TASKS, "--schedulers", "mct")
    assert said.status == 0
    (note,) = [line for line in said.err.splitlines() if "cleaned up" in line]
    assert note.startswith("Note: ") and old[0] in note
    left = {path.name for path in runs_dir.iterdir()}
    assert left - set(old) and old[0] not in left  # the race itself counts only once it is over


def test_a_race_with_another_storage_than_that_of_the_settings_deletes_nothing_by_itself(
    schedrace: Command, own_folders: Path, runs_dir: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journals that wait for the database of the settings are no data of CSV alone."""
    monkeypatch.setattr("persistence.recording.recorder.REPLAY_S", 3.0)  # a machine with other work
    (own_folders / "config").mkdir()
    (own_folders / "config" / "storage.toml").write_text(
        f'kind = "postgresql"\nurl = "{database_url}"\nkeep_runs = 1\n'
    )
    for _ in range(3):
        assert schedrace("race", "--tasks", TASKS, "--schedulers", "mct", "--storage", "csv").status == 0
    assert len(list(runs_dir.iterdir())) == 3
    record(schedrace)
    assert len(list(runs_dir.iterdir())) < 3


def test_a_named_run_that_must_stay_is_a_failure_with_its_reason(csv: None, schedrace: Command, runs_dir: Path) -> None:
    run = record(schedrace)
    journal = Journal(runs_dir / run)
    (runs_dir / run / "result.json").unlink()
    said = schedrace("cleanup", run)
    by_rule = schedrace("cleanup", "--keep", 0)
    journal.close()
    assert (said.status, by_rule.status) == (1, 0)
    assert said.out.splitlines() == [
        f"kept  {run}  it is still going on",
        "Gone for good: 0 runs, 0 rows, 0.0 MB of journals; 1 run kept.",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Say which runs are to be cleaned up: name them, or use --keep N or --older-than DAYS."),
        (("20260101-000000-abcdef",), "There is no run '20260101-000000-abcdef'"),
        (("--keep", "-1"), "-1 runs cannot be kept; give 0 or more."),
        (("--older-than", "nan"), "'nan' is no age; give days, 0 to 36,500."),
        (("--older-than", "1e9"), "'1e9' is no age; give days, 0 to 36,500."),
        (("--keep", "0", "--json"), "With --json nobody is asked. Add --yes to delete, or --dry-run to see"),
        (("--keep", "1", "--storage", "none"), "Nothing can be read from the storage 'none'."),
    ],
)
def test_wrong_usage_is_a_sentence_and_deletes_nothing(
    csv: None, schedrace: Command, runs_dir: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    run = record(schedrace)
    said = schedrace("cleanup", *arguments)
    assert said.status == 2
    assert sentence in said.err
    assert [path.name for path in runs_dir.iterdir()] == [run]


def test_a_database_that_does_not_answer_deletes_no_journal(csv: None, schedrace: Command, runs_dir: Path) -> None:
    run = record(schedrace)
    for storage in (("--db-url", "postgresql://me@127.0.0.1:1/x"), ("--storage", "my_storage")):
        assert schedrace("cleanup", "--keep", 0, *storage).status != 0
    assert [path.name for path in runs_dir.iterdir()] == [run]


def test_ctrl_c_stops_after_the_run_in_hand(
    csv: None, schedrace: Command, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from persistence.cleaning import JournalCleaner

    for _ in range(3):
        record(schedrace)
    clean = JournalCleaner.clean

    def interrupted(cleaner: JournalCleaner, run: str, named: bool) -> object:
        signal.raise_signal(signal.SIGINT)
        return clean(cleaner, run, named)

    monkeypatch.setattr(JournalCleaner, "clean", interrupted)
    said = schedrace("cleanup", "--keep", 0, "--yes", "--json")
    assert said.status == 130
    assert said.err == "Stopping after the run in hand.\n"
    report = parsed(said)
    assert (report["stopped"], report["cleaned"], len(list(runs_dir.iterdir()))) == (True, 1, 2)


@pytest.fixture
def at_a_terminal() -> Callable[..., str]:
    """Run the command in a process with a terminal, on which ``typed`` is entered; return what it showed."""

    def run(*arguments: object, typed: str) -> str:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "app", *map(str, arguments)]
        program = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:
            pass  # how the end of a terminal is told on Linux
        os.close(ours)
        assert program.wait(30) == 0
        return shown.decode()

    return run


def test_at_a_terminal_it_asks_first(
    csv: None, schedrace: Command, runs_dir: Path, at_a_terminal: Callable[..., str]
) -> None:
    run = record(schedrace)
    shown = at_a_terminal("cleanup", "--keep", 0, typed="\n")
    assert "Would go: 1 run" in shown and "Delete it for good? [y/N]" in shown and "Nothing was deleted." in shown
    assert [path.name for path in runs_dir.iterdir()] == [run]
    assert "Gone for good: 1 run" in at_a_terminal("cleanup", "--keep", 0, typed="y\n")
    assert list(runs_dir.iterdir()) == []
