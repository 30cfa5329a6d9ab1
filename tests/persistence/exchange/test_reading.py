"""A folder is imported only when its last row is as an export makes it; what is not is named with its place."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from persistence.exchange.reading import read_folder
from persistence.exchange.sums import SUMS
from persistence.schema import JOURNALED

Copy = Callable[..., Path]


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as raised:
        read_folder(folder)
    sentence = str(raised.value)
    assert "Nothing was imported" in sentence and sentence.isprintable() and len(sentence) < 600
    return sentence


def replaced(path: Path, old: bytes, new: bytes) -> None:
    """Replace the first occurrence."""
    before = path.read_bytes()
    assert old in before
    path.write_bytes(before.replace(old, new, 1))


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("sums", [True, False])
def test_what_was_exported_is_read_whole(copy: Copy, kind: str, sums: bool) -> None:
    heard: list[int] = []
    run = read_folder(copy(kind, sums=sums), heard.append)
    rows = {table: content.rows for table, content in run.recording.tables.items()}
    assert rows["tasks"] == 20 and rows["scheduler_results"] == 60 and rows["training_data"] >= 20 and rows["metrics"]
    assert heard[-1] == sum(rows.values()) and set(run.tables) == set(JOURNALED)


def test_both_formats_hold_the_same(exported: dict[str, Path]) -> None:
    assert read_folder(exported["csv"]).recording.difference(read_folder(exported["parquet"]).recording) is None


@pytest.mark.parametrize(
    "run", ["../x", "x", "20261126-115321-A6527d", "20261126-115321-a6527d/..", "", "٢0261126-115321-a6527d"]
)
def test_a_run_id_that_could_lead_elsewhere_is_refused(copy: Copy, run: str) -> None:
    folder = copy()
    change_json(folder / "run.json", run=run)
    assert "is no run id" in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tasks": "20"}, 'tasks is "20"'),
        ({"tasks": True}, "tasks is true"),
        ({"tasks": 0}, "out of range"),
        ({"seed": 1 << 70}, "out of range"),
        ({"schedulers": "mct"}, "schedulers is"),
        ({"schedulers": []}, "each once"),
        ({"schedulers": [1]}, "schedulers is"),
        ({"started_at": "yesterday"}, "isoformat"),
        ({"started_at": "2026-11-26T11:53:21"}, "no time zone"),
        ({"cluster": "\x1b[2J"}, "control characters"),
        ({"surplus": 1}, "other keys"),
    ],
)
def test_a_header_that_is_none_is_refused(copy: Copy, changes: dict[str, Any], reason: str) -> None:
    folder = copy()
    change_json(folder / "run.json", **changes)
    assert reason in refusal(folder) and "run.json" in refusal(folder)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"status": NaN}', "NaN is no number"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\0", "zero byte"),
        (b"{}", "it lacks 'status'"),
        (b'{"status": "finished", "finished_at": 3, "digest": "", "schedulers": []}', "no result of a race"),
    ],
)
def test_a_result_that_is_none_is_refused(copy: Copy, text: bytes, reason: str) -> None:
    folder = copy()
    (folder / "result.json").write_bytes(text)
    assert reason in refusal(folder)


def test_a_figure_or_a_scheduler_that_cannot_be_is_refused(copy: Copy) -> None:
    folder = copy()
    result = json.loads((folder / "result.json").read_text())
    for place, value, reason in (
        ("mean_response_s", "fast", 'is "fast"'),
        ("name", "nobody", "did not race"),
        ("tasks", -1, "tasks of"),
        ("utilisation", None, "no result of a race"),
    ):
        spoiled = json.loads(json.dumps(result))
        spoiled["schedulers"][0][place] = value
        (folder / "result.json").write_text(json.dumps(spoiled))
        assert reason in refusal(folder)


def test_a_race_file_that_is_none_is_refused(copy: Copy) -> None:
    folder = copy()
    (folder / "race.toml").write_text("seed = = 1")
    assert "race.toml" in refusal(folder) and "not TOML" in refusal(folder)
    (folder / "race.toml").unlink()
    assert "it is not there" in refusal(folder)


@pytest.mark.parametrize(
    ("table", "old", "new", "reason"),
    [
        ("tasks", b"task,arrival_s", b"arrival_s,task", "does not begin with the columns"),
        ("tasks", b"\n0,", b"\nzero,", "line 2: CSV conversion error to int64"),
        ("tasks", b"\n3,", b"\n2,", "task 2 is there twice"),
        ("tasks", b"\n3,", b"\n20,", "line 5: task is not from 0 to 19"),
        ("tasks", b"\n3,", b"\n\n3,", "line 5: task is empty"),
        ("tasks", b'"{', b'"{nan,', "nominal_s"),
        ("scheduler_results", b'"mct",', b'"met",', "its scheduler is none of run.json"),
        ("scheduler_results", b'"mct",', b'"mct",1,', "Expected 10 columns, got 11"),
        ("scheduler_results", b"cpu-0", b"cpu\r0", "line break"),
        ("scheduler_results", b"cpu-0", b"cpu\0000", "zero byte"),
        ("scheduler_results", b"cpu-0", b"cpu\xff0", "UTF8"),
        ("scheduler_results", b"cpu-0", b"cpu\n0", "line"),
        ("training_data", b"+00", b"+99", "timestamp"),
    ],
)
def test_a_row_that_is_none_is_named_with_its_line(copy: Copy, table: str, old: bytes, new: bytes, reason: str) -> None:
    folder = copy()
    replaced(folder / f"{table}.csv", old, new)
    sentence = refusal(folder)
    assert reason in sentence and f"{table}.csv" in sentence


@pytest.mark.parametrize(("column", "value"), [(2, b"nan"), (4, b"inf"), (4, b"0"), (7, b"nan"), (7, b"1e999")])
def test_numbers_that_are_none_and_times_out_of_order_are_refused(copy: Copy, column: int, value: bytes) -> None:
    path = copy() / "scheduler_results.csv"
    lines = path.read_bytes().split(b"\n")
    fields = lines[9].split(b",")
    fields[column] = value
    lines[9] = b",".join(fields)
    path.write_bytes(b"\n".join(lines))
    assert "line 10: " in refusal(path.parent)


def test_a_torn_last_line_is_refused(copy: Copy) -> None:
    folder = copy()
    path = folder / "scheduler_results.csv"
    path.write_bytes(path.read_bytes()[:-5])
    assert "ends in the middle of a line" in refusal(folder) and "line 61" in refusal(folder)


def test_a_line_without_end_is_refused_before_all_of_it_is_in_memory(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.exchange.blocks.BLOCK_BYTES", 1000)
    monkeypatch.setattr("persistence.exchange.blocks.LONGEST_LINE_BYTES", 5000)
    folder = copy()
    with (folder / "metrics.csv").open("ab") as file:
        file.write(b'"' + b"x" * 100_000)
    assert "far longer than a row can be" in refusal(folder)


def test_blocks_that_end_anywhere_give_the_same(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy()
    whole = read_folder(folder).recording
    monkeypatch.setattr("persistence.exchange.blocks.BLOCK_BYTES", 777)
    assert read_folder(folder).recording.difference(whole) is None


@pytest.mark.parametrize("name", ["run.json", "race.toml", "result.json", "tasks.csv", "metrics.csv"])
def test_a_file_that_was_changed_or_taken_away_after_the_export_is_refused(copy: Copy, name: str) -> None:
    folder = copy(sums=True)
    text = (folder / name).read_bytes()
    digit = next(place for place in range(len(text) - 1, -1, -1) if text[place : place + 1].isdigit())
    (folder / name).write_bytes(text[:digit] + bytes([text[digit] ^ 1]) + text[digit + 1 :])
    assert name in refusal(folder)
    (folder / name).unlink()
    assert name in refusal(folder)


def test_an_added_file_is_refused_where_it_would_be_taken_in_and_else_left_alone(copy: Copy) -> None:
    folder = copy(sums=True)
    (folder / "extra.txt").write_text("anything")
    whole = read_folder(folder)
    assert not any("extra" in str(path) for path in (*whole.tables.values(), *whole.files))
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / "added.csv").write_text("anything")
    assert f"it is not listed in {SUMS}, so it was added after the export" in refusal(folder)


def test_rows_cut_off_at_a_line_are_seen_by_the_sums(copy: Copy) -> None:
    folder = copy(sums=True)
    path = folder / "scheduler_results.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    assert "not as it was exported" in refusal(folder)


def test_a_list_of_sums_that_leads_elsewhere_or_is_none_is_refused(copy: Copy) -> None:
    folder = copy(sums=True)
    with (folder / SUMS).open("a") as file:
        file.write(f"{'0' * 64}  ../../etc/passwd\n")
    assert "not in the folder" in refusal(folder)
    (folder / SUMS).write_bytes(os.urandom(100))
    assert SUMS in refusal(folder)
    shutil.rmtree(folder)
    (folder := copy(sums=True)).joinpath("files").mkdir()
    (folder / "files" / "x.csv").write_text("added")
    assert "added after the export" in refusal(folder)


def test_what_a_terminal_would_obey_is_refused_and_not_printed(copy: Copy) -> None:
    folder = copy()
    with (folder / "race.toml").open("a") as file:
        file.write('label = "\\u001b[2J"\n')
    assert "control characters" in refusal(folder)
    folder = folder.rename(folder.with_name("b"))
    shutil.copytree(folder, bad := folder.with_name("\x1b[2J"))
    assert "?[2J" in refusal(bad)


def test_links_and_pipes_are_refused(copy: Copy) -> None:
    folder = copy()
    (folder / "files").mkdir()
    (folder / "files" / "jobs.csv").symlink_to("/etc/passwd")
    assert "no plain file" in refusal(folder)
    (folder / "files" / "jobs.csv").unlink()
    (folder / "metrics.csv").unlink()
    os.mkfifo(folder / "metrics.csv")
    assert "it is no file" in refusal(folder)


@pytest.mark.parametrize("name", ["run.json", "race.toml", "result.json", SUMS])
def test_a_pipe_or_a_heap_of_bytes_where_a_small_file_belongs_is_refused(copy: Copy, name: str) -> None:
    folder = copy(sums=True)
    with (folder / name).open("r+b") as file:
        file.truncate(100 << 20)
    assert "far larger" in refusal(folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    said: list[str] = []
    reading = threading.Thread(target=lambda: said.append(refusal(folder)), daemon=True)  # of a pipe, for ever
    reading.start()
    reading.join(10.0)
    assert said and "it is no plain file" in said[0]


def test_a_folder_that_holds_none_says_what_to_name(copy: Copy, tmp_path: Path) -> None:
    folder = copy()
    assert f"as '{folder}'" in refusal(tmp_path)
    assert "There is no folder" in refusal(tmp_path / "nowhere")
    assert "There is no folder" in refusal(folder / "run.json")


def test_a_table_in_two_formats_is_refused(copy: Copy, exported: dict[str, Path]) -> None:
    folder = copy()
    shutil.copy(exported["parquet"] / "tasks.parquet", folder)
    assert "the same table is there" in refusal(folder)


def change_parquet(path: Path, change: Callable[[Any], Any]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def with_column(name: str, values: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda rows: rows.set_column(rows.schema.names.index(name), name, values(rows[name]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.drop_columns(["cost"]), "its columns are"),
        (with_column("cost", lambda v: pc.cast(v, pa.float32())), "cost is float, not double"),
        (with_column("task", lambda v: pa.array([None, *v.to_pylist()[1:]], pa.int64())), "row 1: task is empty"),
        (with_column("finish_s", lambda v: pa.array([*v.to_pylist()[:-1], float("nan")])), "row 60: finish_s is no"),
        (with_column("placement", lambda v: pa.array(["a\nb", *v.to_pylist()[1:]])), "line break"),
        (with_column("placement", lambda v: pa.array([b"\xff"] * len(v)).view(pa.string())), "cannot be read"),
        (lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]), "is there twice"),
    ],
)
def test_a_parquet_table_that_is_not_the_runs_is_refused(copy: Copy, change: Callable[[Any], Any], reason: str) -> None:
    folder = copy("parquet")
    change_parquet(folder / "scheduler_results.parquet", change)
    assert reason in refusal(folder)


def test_a_parquet_list_with_nothing_in_a_place_is_refused(copy: Copy) -> None:
    folder = copy("parquet")
    hole = with_column("features", lambda v: pa.array([[None] * len(f) for f in v.to_pylist()], pa.list_(pa.float64())))
    change_parquet(folder / "tasks.parquet", hole)
    assert "nothing in a place" in refusal(folder)


@pytest.mark.parametrize("junk", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", os.urandom(3000)])
def test_junk_instead_of_a_table_is_refused(copy: Copy, junk: bytes) -> None:
    for kind in ("csv", "parquet"):
        folder = copy(kind)
        (folder / f"metrics.{kind}").write_bytes(junk)
        assert f"metrics.{kind}" in refusal(folder)
        shutil.rmtree(folder)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["run.json", "race.toml", "result.json", *(f"{table}.csv" for table in JOURNALED)]),
    place=st.floats(0, 1, exclude_max=True),
    cut=st.integers(0, 40),
    junk=st.one_of(st.binary(max_size=40), st.text(max_size=20).map(str.encode)),
)
def test_whatever_is_done_to_an_export_it_is_read_or_refused_and_with_its_sums_only_unchanged(
    exported: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, name: str, place: float, cut: int, junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    shutil.copytree(exported["csv"], folder)
    before = (folder / name).read_bytes()
    at = int(place * len(before))
    after = before[:at] + junk + before[at + cut :]
    (folder / name).write_bytes(after)
    if after == before:
        read_folder(folder)
        return
    with pytest.raises(InputError):
        read_folder(folder)
    (folder / SUMS).unlink()
    try:
        read_folder(folder)  # a change that leaves a run: another digit
    except InputError as error:
        assert str(error).isprintable()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=30))
def test_whatever_is_done_to_a_parquet_file_it_is_read_or_refused(
    exported: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, place: float, junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    shutil.copytree(exported["parquet"], folder)
    (folder / SUMS).unlink()
    path = folder / "tasks.parquet"
    before = path.read_bytes()
    at = int(place * len(before))
    path.write_bytes(before[:at] + junk + before[at + len(junk) :])
    try:
        read_folder(folder)
    except InputError as error:
        assert str(error).isprintable()
