"""``schedrace export``: a recorded run as a folder for another person."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from persistence.journal.typed import lines_of, typed_schema
from persistence.schema import JOURNALED
from tests.app.command.conftest import Command, Said
from tests.persistence.records import finished, header

RACE = ("race", "--tasks", 60, "--schedulers", "mct,mct+forest,random", "--json")
CSV = ("--storage", "csv")


@pytest.fixture
def runs_dir(own_folders: Path) -> Path:
    return own_folders / "data" / "runs"


def export(schedrace: Command, out: Path, *options: object, run: str = "last") -> Any:
    said = schedrace("export", run, "--out", out, "--json", *options)
    assert said.status == 0, said.err
    return json.loads(said.out)


def content(folder: Path) -> dict[str, Any]:
    """Return what an export holds; rows of a table sorted, whatever its format."""
    kept = {name: json.loads((folder / name).read_text()) for name in ("run.json", "result.json")}
    kept["race.toml"] = (folder / "race.toml").read_text()
    # sums of the same numbers in another order may differ in the last digits
    kept["summary"] = [
        {name: text[:12] for name, text in row.items()}
        for row in csv.DictReader((folder / "summary.csv").read_text().splitlines())
    ]
    for table in JOURNALED:
        if (folder / f"{table}.parquet").exists():
            rows = pq.read_table(folder / f"{table}.parquet", schema=typed_schema(table))
            kept[table] = sorted(lines_of(table, rows).splitlines())
        else:
            kept[table] = sorted((folder / f"{table}.csv").read_bytes().splitlines()[1:])
    return kept


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_database_and_journal_give_the_same_content(
    schedrace: Command, database_url: str, tmp_path: Path, kind: str
) -> None:
    raced = json.loads(schedrace(*RACE, "--db-url", database_url).out)
    here = export(schedrace, tmp_path / "a", "--db-url", database_url, "--format", kind)
    there = export(schedrace, tmp_path / "b", *CSV, "--format", kind)
    assert here["run"] == there["run"] == raced["run"] and here["rows"] == there["rows"]
    assert here["rows"]["scheduler_results"] == 180 and here["complete"]
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a")["result.json"]["digest"] == raced["digest"]


def test_a_run_whose_journal_is_on_another_machine_is_exported_from_the_database(
    schedrace: Command, database_url: str, runs_dir: Path, tmp_path: Path
) -> None:
    schedrace(*RACE, "--db-url", database_url)
    export(schedrace, tmp_path / "with", "--db-url", database_url)
    shutil.rmtree(runs_dir)
    export(schedrace, tmp_path / "without", "--db-url", database_url)
    whole, known = content(tmp_path / "with"), content(tmp_path / "without")
    for row, same in zip(known["result.json"].pop("schedulers"), whole["result.json"].pop("schedulers"), strict=True):
        assert row.items() <= same.items() and len(row) > 10
    assert known.pop("result.json").items() <= whole.pop("result.json").items()
    assert known == whole


def test_both_formats_hold_the_same_rows_and_parquet_has_real_types(schedrace: Command, tmp_path: Path) -> None:
    schedrace(*RACE, *CSV)
    export(schedrace, tmp_path / "a", *CSV)
    export(schedrace, tmp_path / "b", *CSV, "--format", "parquet")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "b" / "tasks.parquet")}
    assert (types["created_at"], types["divisible"], types["slots"]) == ("timestamp[us, tz=UTC]", "bool", "int32")
    assert types["features"].startswith("list<") and types["features"].endswith("double>")
    rows = pa_csv.read_csv(tmp_path / "a" / "scheduler_results.csv")
    assert rows.column_names == typed_schema("scheduler_results").names and len(rows) == 180


def test_a_csv_export_of_a_journal_is_its_very_bytes(schedrace: Command, runs_dir: Path, tmp_path: Path) -> None:
    run = json.loads(schedrace(*RACE, *CSV).out)["run"]
    export(schedrace, tmp_path / "out", *CSV)
    for name in ("run.json", "race.toml", *(f"{table}.csv" for table in JOURNALED)):
        assert (tmp_path / "out" / name).read_bytes() == (runs_dir / run / name).read_bytes(), name


def test_the_sums_are_those_of_all_files_and_the_page_names_every_column(schedrace: Command, tmp_path: Path) -> None:
    schedrace(*RACE, *CSV)
    export(schedrace, tmp_path / "out", *CSV)
    lines = (tmp_path / "out" / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert set(sums) == {path.name for path in (tmp_path / "out").iterdir()} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest
    page = (tmp_path / "out" / "README.txt").read_text()
    assert all(f"    {name} " in page for table in JOURNALED for name in typed_schema(table).names)
    assert "schedrace import-runs" in page and "180 rows" in page


def test_the_files_that_a_race_names_go_with_it_and_it_can_be_raced_again(
    schedrace: Command, own_folders: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "jobs.csv").write_text("arrival_s,actual_a_s\n" + "".join(f"{i},{1 + i % 3}\n" for i in range(20)))
    device = '[[device]]\nid = "a-{}"\nkind = "cpu"\nmodel = "a"\n'
    (folder / "two.toml").write_text('name = "two"\n' + device.format(0) + device.format(1))
    race = ("--workload", folder / "jobs.csv", "--cluster", folder / "two.toml", "--schedulers", "mct,random", *CSV)
    raced = json.loads(schedrace("race", *race, "--json").out)
    assert export(schedrace, tmp_path / "out", *CSV)["missing"] == []
    said = schedrace("export", "last", "--out", tmp_path / "text", *CSV).out
    assert all(f"a copy of {folder / name}," in said for name in ("jobs.csv", "two.toml"))
    shutil.rmtree(folder)
    assert sorted(path.name for path in (tmp_path / "out" / "files").iterdir()) == ["jobs.csv", "two.toml"]
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    again = json.loads(schedrace("race", tmp_path / "elsewhere" / "race.toml", "--storage", "none", "--json").out)
    assert again["digest"] == raced["digest"] and raced["tasks"] == 20


def test_a_file_that_is_gone_is_named(schedrace: Command, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("arrival_s,actual_cpu_s,actual_gpu_s\n0,1,2\n1,2,3\n")
    assert schedrace("race", "--workload", jobs, "--schedulers", "mct", *CSV, "--quiet").status == 0
    jobs.unlink()
    assert export(schedrace, tmp_path / "out", *CSV)["missing"] == [str(jobs)]
    assert str(jobs) in (tmp_path / "out" / "README.txt").read_text()
    assert str(jobs) in schedrace("export", "last", "--out", tmp_path / "again", *CSV).err


def test_a_run_that_is_cut_or_goes_on_is_exported_as_far_as_it_is_recorded(
    schedrace: Command, runs_dir: Path, tmp_path: Path
) -> None:
    from persistence.journal.files import Journal
    from persistence.journal.rows import result_rows, timestamp

    journal = Journal.create(runs_dir, header(100))
    journal.append({"scheduler_results": result_rows([(finished(0, 40), timestamp())], header().device_ids)})
    said = schedrace("export", "last", "--out", tmp_path / "running", *CSV)
    assert said.status == 0 and "was still going on" in said.err
    journal.close()
    answer = export(schedrace, tmp_path / "cut", *CSV)
    assert (answer["status"], answer["complete"], answer["rows"]["scheduler_results"]) == ("interrupted", False, 40)
    assert not (tmp_path / "cut" / "result.json").exists()
    assert "The race was cut" in (tmp_path / "cut" / "README.txt").read_text()


def test_a_folder_that_is_not_empty_is_refused_and_kept(schedrace: Command, tmp_path: Path) -> None:
    schedrace(*RACE, *CSV)
    (tmp_path / "out").mkdir()
    export(schedrace, tmp_path / "out", *CSV)  # an empty one will do
    before = sorted(path.name for path in (tmp_path / "out").iterdir())
    for target in (tmp_path / "out", tmp_path / "out" / "run.json"):
        said = schedrace("export", "last", "--out", target, *CSV)
        assert said.status == 2 and "not empty" in said.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == before


def test_the_folder_that_one_is_in_is_refused(
    schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To put a whole one in its place would leave the shell in one that is gone."""
    schedrace(*RACE, *CSV)
    monkeypatch.chdir(tmp_path)
    for here in (".", tmp_path):
        said = schedrace("export", "last", "--out", here, *CSV)
        assert said.status == 2 and "is the folder that you are in" in said.err
    assert list(tmp_path.iterdir()) == []
    export(schedrace, Path("out"), *CSV)


def test_files_and_the_names_of_all_files_are_durable_before_the_folder_has_its_name(
    schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("arrival_s,actual_cpu_s,actual_gpu_s\n0,1,2\n1,2,3\n")
    assert schedrace("race", "--workload", jobs, "--schedulers", "mct", *CSV, "--quiet").status == 0
    synced: set[str] = set()
    fsync, rename = os.fsync, Path.rename

    def noting(descriptor: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def when_all_are(part: Path, folder: Path) -> Path:
        assert synced >= {str(path) for path in (part, *part.rglob("*"))}
        return rename(part, folder)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(Path, "rename", when_all_are)
    export(schedrace, tmp_path / "out", *CSV)
    assert (tmp_path / "out" / "files" / "jobs.csv").exists()


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_full_disk_leaves_nothing_and_is_a_sentence(schedrace: Command, tmp_path: Path, kind: str) -> None:
    schedrace(*RACE, *CSV)
    with largest_file(9_000):
        said = schedrace("export", "last", "--out", tmp_path / "out", "--format", kind, *CSV)
    assert said.status == 1 and "could not be exported" in said.err and "Free some space" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("raised", [KeyboardInterrupt, MemoryError])
def test_whatever_ends_an_export_leaves_nothing(
    schedrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    schedrace(*RACE, *CSV)

    @contextmanager
    def interrupted(what: str, total: int) -> Iterator[Callable[[int], None]]:
        assert total > 180

        def moved(rows: int) -> None:
            raise raised

        yield moved

    monkeypatch.setattr("app.command.rows_bar.rows_bar", interrupted)
    if raised is KeyboardInterrupt:
        said = schedrace("export", "last", "--out", tmp_path / "out", *CSV)
        assert (said.status, said.err) == (130, "Interrupted: nothing was exported.\n")
    else:
        with pytest.raises(raised):
            schedrace("export", "last", "--out", tmp_path / "out", *CSV)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_journal_is_named_and_nothing_is_left(schedrace: Command, runs_dir: Path, tmp_path: Path) -> None:
    run = json.loads(schedrace(*RACE, *CSV).out)["run"]
    with (runs_dir / run / "metrics.csv").open("ab") as file:
        file.write(b"junk\n")
    said: Said = schedrace("export", "last", "--out", tmp_path / "out", *CSV)
    assert said.status == 1 and "metrics.csv is damaged" in said.err
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_a_sentence(schedrace: Command, tmp_path: Path) -> None:
    assert "Nothing is recorded yet" in schedrace("export", "last", "--out", tmp_path / "x", *CSV).err
    assert schedrace("export", "last").status == 2
    said = schedrace("export", "nowhere", "--out", tmp_path / "x", *CSV)
    assert said.status == 2 and "There is no run 'nowhere'" in said.err and not (tmp_path / "x").exists()
