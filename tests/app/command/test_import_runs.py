"""``schedrace import-runs``: exported runs come in whole, or change nothing."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persistence.exchange.importing import STAGING
from persistence.filelock import FileLock
from persistence.schema import JOURNALED
from tests.app.command.conftest import Command
from tests.app.command.test_export import CSV, RACE, content, export, largest_file

Execute = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(params=["csv", "parquet"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def exported(schedrace: Command, data_dir: Callable[[str], Path], tmp_path: Path) -> Path:
    """A run of another machine, exported."""
    data_dir("theirs")
    assert schedrace(*RACE, *CSV).status == 0
    export(schedrace, tmp_path / "exported", *CSV)
    data_dir("mine")
    return tmp_path / "exported"


def imported(schedrace: Command, *arguments: object) -> Any:
    said = schedrace("import-runs", *arguments, "--json")
    assert (said.status, said.err) == (0, "")
    return json.loads(said.out)


def rows_of(execute: Execute, url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables of a database, also of those that are no journal's."""
    names = (*JOURNALED, "run_summary")
    found = {name: sorted(execute(f"SELECT t::text FROM schedrace.{name} AS t", url)) for name in names}
    columns = "run, status, digest, started_at, finished_at, schedulers, tasks, seed, workload, race_toml"
    return {**found, "runs": execute(f"SELECT {columns} FROM schedrace.runs ORDER BY run", url)}


def test_an_exported_run_is_not_overwritten_by_the_results_of_a_race(schedrace: Command, exported: Path) -> None:
    before = {path.name: path.read_bytes() for path in exported.iterdir() if path.is_file()}
    said = schedrace(*RACE, *CSV, "--out", exported)
    assert said.status == 2 and "holds an exported run, whose files would be overwritten" in said.err
    assert {path.name: path.read_bytes() for path in exported.iterdir() if path.is_file()} == before


def test_a_run_goes_from_database_to_folder_to_another_database_without_loss(
    schedrace: Command,
    data_dir: Callable[[str], Path],
    own_server: str,
    execute: Execute,
    database_url: str,
    tmp_path: Path,
    kind: str,
) -> None:
    name = f"test_{uuid.uuid4().hex[:12]}"
    execute(f"CREATE DATABASE {name}")
    other_url = own_server.replace("/schedrace?", f"/{name}?")
    runs_dir = data_dir("theirs")
    raced = json.loads(schedrace(*RACE, "--db-url", database_url).out)
    shutil.rmtree(runs_dir)  # from the database alone
    export(schedrace, tmp_path / "out", "--db-url", database_url, "--format", kind)
    runs_dir = data_dir("mine")
    answer = imported(schedrace, tmp_path / "out", "--db-url", other_url)
    assert answer["imported"] == [
        {"run": raced["run"], "folder": str(tmp_path / "out"), "rows": answer["shipped"]["rows"], "new": True}
    ]
    assert answer["shipped"]["runs"] == 1 and answer["storage"]["kind"] == "postgresql"
    assert rows_of(execute, other_url) == rows_of(execute, database_url)
    assert len(rows_of(execute, other_url)["scheduler_results"]) == 180
    export(schedrace, tmp_path / "journal", *CSV)
    export(schedrace, tmp_path / "again", "--db-url", other_url)
    assert content(tmp_path / "out") == content(tmp_path / "journal") == content(tmp_path / "again")
    assert json.loads(schedrace("check-db", "--json").out)["journals"][0]["rows"] == answer["shipped"]["rows"]
    again = schedrace("race", runs_dir / raced["run"] / "race.toml", "--storage", "none", "--json")
    assert json.loads(again.out)["digest"] == raced["digest"]


def test_a_run_that_is_here_is_left_alone(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path], database_url: str
) -> None:
    first = imported(schedrace, exported, "--db-url", database_url)
    (run,) = (one["run"] for one in first["imported"])
    runs_dir = data_dir("mine")
    before = {path: path.stat().st_mtime_ns for path in (runs_dir / run).iterdir()}
    for _ in range(2):  # from the journal, and from the database alone
        second = imported(schedrace, exported, exported, "--db-url", database_url)
        assert [one["new"] for one in second["imported"]] == [False] and second["shipped"]["rows"] == 0
        assert before == {path: path.stat().st_mtime_ns for path in before}
        runs_dir = data_dir("elsewhere")
        before = {}
    assert not list(runs_dir.glob("*/run.json"))
    assert "here already" in schedrace("import-runs", exported, "--db-url", database_url).out


def test_the_same_run_with_another_content_is_refused_and_nothing_is_changed(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path], tmp_path: Path, database_url: str
) -> None:
    imported(schedrace, exported, "--db-url", database_url)
    shutil.copytree(exported, other := tmp_path / "other")
    (other / "SHA256SUMS").unlink()
    text = (other / "scheduler_results.csv").read_bytes()
    (other / "scheduler_results.csv").write_bytes(b"\n".join(text.split(b"\n")[:-2]) + b"\n")
    for machine in ("mine", "elsewhere"):
        runs_dir = data_dir(machine)
        before = sorted(path for path in runs_dir.rglob("*"))
        said = schedrace("import-runs", other, "--db-url", database_url)
        assert said.status == 2 and "with another content (scheduler_results)" in said.err
        assert sorted(path for path in runs_dir.rglob("*")) == before
    said = schedrace("import-runs", exported, other, *CSV)
    assert said.status == 2 and "leave one of them out" in said.err


def test_one_bad_folder_among_good_ones_leaves_everything_as_it_was(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path], tmp_path: Path
) -> None:
    data_dir("theirs")
    schedrace(*RACE, *CSV)
    export(schedrace, tmp_path / "bad", *CSV)
    (tmp_path / "bad" / "metrics.csv").write_bytes(b"junk")
    runs_dir = data_dir("mine")
    said = schedrace("import-runs", exported, tmp_path / "bad", *CSV)
    assert said.status == 2 and "metrics.csv" in said.err and said.out == ""
    assert not runs_dir.exists()
    (tmp_path / "bad" / "race.toml").write_text("sead = 1")
    (tmp_path / "bad" / "SHA256SUMS").unlink()
    (tmp_path / "bad" / "metrics.csv").unlink()
    said = schedrace("import-runs", exported, tmp_path / "bad", *CSV)
    assert said.status == 2 and "Did you mean 'seed'?" in said.err and not runs_dir.exists()


@pytest.mark.parametrize("name", ["scheduler_results.csv", "files/jobs.csv"])
def test_a_folder_that_changes_after_it_was_checked_leaves_nothing(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A folder that something synchronises, say: other rows that are as good, and fewer."""
    from persistence.exchange import reading

    (exported / "files").mkdir()
    (exported / "files" / "jobs.csv").write_text("arrival_s\n1\n2\n")
    (exported / "SHA256SUMS").unlink()
    read_folder = reading.read_folder

    def then_changed(folder: Path, moved: Callable[[int], object]) -> reading.ReadableRun:
        read = read_folder(folder, moved)
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(lines[:-1]))
        return read

    monkeypatch.setattr(reading, "read_folder", then_changed)
    said = schedrace("import-runs", exported, *CSV)
    assert said.status == 2 and f"{name}': it was changed after it had been checked" in said.err
    assert not list(data_dir("mine").glob("*/run.json"))


def test_a_full_disk_leaves_nothing_and_is_a_sentence(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path]
) -> None:
    runs_dir = data_dir("mine")
    with largest_file(9_000):
        said = schedrace("import-runs", exported, *CSV)
    assert said.status == 1 and "Free some space" in said.err
    assert [path.name for path in (runs_dir).iterdir()] == [STAGING]
    assert [path.name for path in (runs_dir / STAGING).iterdir()] == ["lock"]
    assert imported(schedrace, exported, *CSV)["imported"][0]["new"]


def test_nobody_sees_a_run_before_it_is_whole(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_dir = data_dir("mine")
    seen: list[list[Path]] = []
    rename = Path.rename

    def watched(path: Path, target: Path) -> Path:
        seen.append(list(runs_dir.glob("*/run.json")))
        assert (path / "run.json").exists() and (path / "scheduler_results.csv").stat().st_size > 1000
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", watched)
    imported(schedrace, exported, *CSV)
    assert seen == [[]] and len(list(runs_dir.glob("*/run.json"))) == 1


def test_what_an_import_that_was_killed_left_goes_with_the_next_one(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path]
) -> None:
    runs_dir = data_dir("mine")
    left = runs_dir / STAGING / "20260101-000000-aaaaaa"
    left.mkdir(parents=True)
    (left / "run.json").write_text("{}")
    assert json.loads(schedrace("history", *CSV, "--json").out) == {"runs": []}
    imported(schedrace, exported, *CSV)
    assert not left.exists()


def test_two_imports_at_once_do_not_disturb_each_other(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path]
) -> None:
    runs_dir = data_dir("mine")
    (runs_dir / STAGING).mkdir(parents=True)
    lock = FileLock(runs_dir / STAGING / "lock")
    assert lock.acquire()
    said = schedrace("import-runs", exported, *CSV)
    lock.release()
    assert said.status == 1 and "Another SchedRace is importing" in said.err


def test_imported_runs_are_listed_and_raced_again_with_their_files(
    schedrace: Command, data_dir: Callable[[str], Path], tmp_path: Path
) -> None:
    data_dir("theirs")
    jobs = tmp_path / "jobs.csv"
    jobs.write_text(
        "arrival_s,actual_cpu_s,actual_gpu_s\n" + "".join(f"{i},{1 + i % 3},{1 + i % 2}\n" for i in range(9))
    )
    raced = json.loads(schedrace("race", "--workload", jobs, "--schedulers", "mct", *CSV, "--json").out)
    export(schedrace, tmp_path / "out", *CSV)
    jobs.unlink()
    runs_dir = data_dir("mine")
    imported(schedrace, tmp_path / "out", *CSV)
    shutil.rmtree(tmp_path / "out")
    (row,) = json.loads(schedrace("history", "--json", *CSV).out)["runs"]
    assert (row["run"], row["status"], row["digest"]) == (raced["run"], "finished", raced["digest"])
    race = runs_dir / raced["run"] / "race.toml"
    assert json.loads(schedrace("race", race, "--storage", "none", "--json").out)["digest"] == raced["digest"]
    assert export(schedrace, tmp_path / "again", *CSV)["missing"] == []  # and passed on once more
    assert (tmp_path / "again" / "files" / "jobs.csv").exists()


@pytest.mark.parametrize("journal", ["imported", "elsewhere"])
def test_the_race_of_a_stranger_takes_no_file_of_this_machine_with_it(
    schedrace: Command, data_dir: Callable[[str], Path], tmp_path: Path, database_url: str, journal: str
) -> None:
    data_dir("theirs")
    mine = tmp_path / "mine.csv"
    mine.write_text("arrival_s,actual_cpu_s,actual_gpu_s\n0,1,2\n")
    race = ("race", "--workload", mine, "--schedulers", "mct", "--db-url", database_url)
    run = json.loads(schedrace(*race, "--json").out)["run"]
    reading = ("--db-url", database_url)
    if journal == "imported":
        assert export(schedrace, tmp_path / "out", *CSV)["copied"] == [str(mine)]
        (tmp_path / "out" / "race.toml").write_text((data_dir("theirs") / run / "race.toml").read_text())
        (tmp_path / "out" / "SHA256SUMS").unlink()
        data_dir("mine")
        imported(schedrace, tmp_path / "out", *CSV)
        reading = CSV
    data_dir("mine")
    answer = export(schedrace, tmp_path / "again", *reading)
    assert (answer["run"], answer["copied"], answer["missing"]) == (run, [], [str(mine)])
    assert not list(tmp_path.glob("again/**/mine.csv"))
    assert f"{mine} is needed too" in schedrace("export", run, "--out", tmp_path / "text", *reading).err


def test_a_part_of_a_race_comes_in_as_cut_and_is_not_offered_for_resumption(
    schedrace: Command, data_dir: Callable[[str], Path], tmp_path: Path, database_url: str
) -> None:
    from persistence.journal.files import Journal
    from persistence.journal.rows import result_rows, timestamp
    from persistence.recording.cut_runs import cut_runs
    from tests.persistence.records import finished, header

    journal = Journal.create(data_dir("theirs"), header(100))
    journal.append({"scheduler_results": result_rows([(finished(0, 40), timestamp())], header().device_ids)})
    assert "is being written" in schedrace("import-runs", journal.folder, *CSV).err
    export(schedrace, tmp_path / "part", *CSV)
    journal.close()
    runs_dir = data_dir("mine")
    imported(schedrace, tmp_path / "part", "--db-url", database_url)
    (row,) = json.loads(schedrace("history", "--json", "--db-url", database_url).out)["runs"]
    assert (row["status"], row["storage"]) == ("interrupted", "database")
    assert cut_runs(runs_dir) == []


def test_without_a_folder_journals_go_into_the_database(
    schedrace: Command, database_url: str, execute: Execute
) -> None:
    for seed in (1, 2):
        assert schedrace(*RACE, *CSV, "--seed", seed).status == 0
    answer = imported(schedrace, "--db-url", database_url)
    assert answer["imported"] == [] and answer["shipped"]["runs"] == 2 and not answer["shipped"]["problems"]
    ((count,),) = execute("SELECT count(*) FROM schedrace.scheduler_results", database_url)
    assert count == 360
    said = schedrace("import-runs", "--db-url", database_url)
    assert said.status == 0 and "Everything that is recorded here is in" in said.out


def test_without_a_database_that_answers_nothing_is_lost_and_it_is_said(schedrace: Command, exported: Path) -> None:
    nowhere = ("--db-url", "postgresql://nobody@127.0.0.1:9/none")
    said = schedrace("import-runs", *nowhere)
    assert said.status == 1 and "127.0.0.1" in said.err
    said = schedrace("import-runs", exported, *nowhere)
    assert said.status == 1 and "127.0.0.1" in said.err
    assert json.loads(schedrace("history", "--json", *CSV).out) == {"runs": []}


def test_a_folder_of_another_data_folders_runs_will_do(
    schedrace: Command, exported: Path, data_dir: Callable[[str], Path]
) -> None:
    (theirs,) = data_dir("theirs").iterdir()
    data_dir("mine")
    assert imported(schedrace, theirs, *CSV)["imported"][0]["new"]
    assert not imported(schedrace, exported, *CSV)["imported"][0]["new"]


def test_wrong_usage_is_a_sentence(schedrace: Command, tmp_path: Path) -> None:
    for options, sentence in (
        (("--storage", "none"), "keeps nothing"),
        (("--storage", "csw"), "There is no storage 'csw'"),
        ((tmp_path / "nowhere", *CSV), "There is no folder"),
        ((tmp_path, *CSV), "it has no run.json"),
    ):
        said = schedrace("import-runs", *options)
        assert said.status == 2 and sentence in said.err
