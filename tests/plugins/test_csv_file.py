from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine.cluster import Cluster, Device
from engine.errors import InputError
from plugins.arrivals import load_of
from plugins.workload import WorkloadRequest
from plugins.workloads.csv_file import CsvFile, read_workload

FULL = """\
id,name,user,arrival_s,actual_cpu_s,actual_gpu_s,etc_cpu_s,memory_gb,transfer_gb,slots,divisible,parents,parents_gb,\
deadline_s,size
a,first,ann,0,1,0.5,0.9,2,0.5,1,1,,,10,3
b,second,bob,0.5,1,inf,1.1,,,,,a,0.25,,4
c,"third, and last",ann,2,1,0.5,1,0,0,2,0,a b,0.25 0,20,-1e3
"""
ONE_CPU = Cluster("one", (Device(0, "cpu-0", "cpu", "cpu"),))
BARE = "arrival_s,actual_cpu_s\n0,1\n1,2\n"


def written(folder: Path, text: str, **how: str) -> Path:
    path = folder / "tasks.csv"
    path.write_text(text, **how)  # type: ignore[arg-type]
    return path


def refusal(path: Path, **request: int) -> str:
    with pytest.raises(InputError) as caught:
        read_workload(path, **request)
    return str(caught.value)


def test_every_documented_column_is_read(tmp_path: Path) -> None:
    tasks = read_workload(written(tmp_path, FULL))
    assert tasks.models == ("cpu", "gpu")
    assert tasks.names == ("first", "second", "third, and last")
    assert tasks.users == ("ann", "bob", "ann")
    assert tasks.actual_s.tolist() == [[1, 0.5], [1, math.inf], [1, 0.5]]
    assert tasks.etc_s.tolist() == [[0.9, 0.5], [1.1, math.inf], [1.0, 0.5]]
    assert tasks.memory_gb.tolist() == [2, 0, 0]
    assert tasks.slots.tolist() == [1, 1, 2]
    assert tasks.divisible.tolist() == [True, False, False]
    assert tasks.parent_index.tolist() == [0, 0, 1]
    assert tasks.parent_gb.tolist() == [0.25, 0.25, 0.0]
    assert tasks.deadline_s is not None and tasks.deadline_s.tolist() == [10, math.inf, 20]
    assert (tasks.feature_names, tasks.features.ravel().tolist()) == (("size",), [3, 4, -1000])


def test_a_column_of_nominal_times_that_is_absent_is_said_to_be_taken_from_the_actual(tmp_path: Path) -> None:
    assert any("no etc_gpu_s" in note for note in read_workload(written(tmp_path, FULL)).notes)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_byte_order_marks_and_all_line_ends_are_read(tmp_path: Path, newline: str, encoding: str) -> None:
    path = written(tmp_path, BARE + "\n", encoding=encoding, newline=newline)
    assert read_workload(path).actual_s.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("arrival_s", "-1", "-1 must be at least 0"),
        ("arrival_s", "soon", "'soon' is not a number"),
        ("arrival_s", "", "is empty"),
        ("arrival_s", "inf", "'inf' is not a finite number"),
        ("actual_cpu_s", "0", "0 must be above 0"),
        ("actual_cpu_s", "nan", "'nan' is not a finite number"),
        ("etc_cpu_s", "-2", "-2 must be above 0"),
        ("memory_gb", "-1", "-1 must be at least 0"),
        ("slots", "1.5", "1.5 slots; it must be a whole number from 1 to 10,000,000"),
        ("slots", "0", "0 slots; it must be"),
        ("divisible", "2", "2; it must be 0 or 1"),
        ("size", "big", "'big' is not a number"),
        ("size", "", "is empty"),
        ("id", "a", "'a' is the id of line 2 too"),
        ("id", "", "is empty"),
        ("parents", "zz", "there is no task with the id 'zz'"),
        ("parents_gb", "1 2 3", "has 3 sizes for 1 parents"),
        ("parents_gb", "x", "'x' is not a number"),
    ],
)
def test_a_bad_cell_is_reported_by_line_column_and_reason(tmp_path: Path, column: str, cell: str, reason: str) -> None:
    lines = FULL.splitlines()
    cells = lines[2].split(",")
    cells[lines[0].split(",").index(column)] = cell
    message = refusal(written(tmp_path, "\n".join([*lines[:2], ",".join(cells), lines[3]])))
    assert f"line 3, column {column}: {reason}" in message
    assert "nothing was started" in message


def test_all_bad_cells_are_reported_at_once(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "arrival_s,actual_cpu_s\nx,1\n0,y\n0\n"))
    assert "has 3 problems" in message
    assert "line 4: has 1 cells, but the header has 2" in message


def test_a_file_that_is_wrong_throughout_is_given_up_after_twenty_problems(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "arrival_s,actual_cpu_s\n" + "x,1\n" * 1000))
    assert message.count("line ") == 20
    assert "the rest was not read" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line must be a header"),
        ("\n\n", "is empty"),
        ("arrival_s,actual_cpu_s\n", "has a header but no tasks"),
        ("arival_s,actual_cpu_s\n0,1\n", "has no column 'arrival_s'. Is it 'arival_s'?"),
        ("arrival_s,cpu\n0,1\n", "it needs a column actual_<model>_s"),
        ("arrival_s,actual_cpu_s,etc_gpu_s\n0,1,1\n", "has etc_gpu_s but no actual_gpu_s"),
        ("arrival_s,actual_cpu_s,actual_cpu_s\n0,1,1\n", "names 'actual_cpu_s' twice"),
        ("arrival_s,actual_cpu_s,\n0,1,1\n", "column 3 of the header has no name"),
        ("arrival_s,actual_cpu_s,parents\n0,1,\n", "has parents but no column 'id'"),
        ("arrival_s,actual_cpu_s\n0,inf\n", "line 2: Task 0 of 'tasks' can run on no device model"),
        (
            "id,arrival_s,actual_cpu_s,etc_cpu_s\na,0,1,1\nb,0,inf,1\n",
            "line 3 (id 'b'): Task 1 of 'tasks' can run on no",
        ),
        ("id,arrival_s,actual_cpu_s\na,1e16,1\n", "line 2 (id 'a'): Task 0 of 'tasks': arrival_s is above 1e+15 s"),
        (
            "id,arrival_s,actual_cpu_s,parents\na,0,1,b\nb,0,1,a\n",
            "line 2 (id 'a'): The parents in 'tasks' form a circle",
        ),
        (
            "id,arrival_s,actual_cpu_s,parents\nlate,0,1,b\nfree,0,1,\na,0,1,b free\nb,0,1,a\n",
            "line 5 (id 'b'): The parents in 'tasks' form a circle through task 3",
        ),
        ('arrival_s,actual_cpu_s\n0,"1\n', "is not a valid CSV file"),
    ],
)
def test_a_file_that_is_no_workload_gets_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(written(tmp_path, text))


def test_text_in_another_encoding_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("arrival_s,actual_cpu_s,größe\n0,1,2\n".encode("latin-1"))
    assert "is not UTF-8 text" in refusal(path)
    path.write_bytes(b"arrival_s,actual_cpu_s\n" + b"0,1\n" * 9000 + "ü,1\n".encode("latin-1"))
    assert "is not UTF-8 text" in refusal(path)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "none.csv")


def test_the_first_tasks_can_be_taken_alone(tmp_path: Path) -> None:
    path = written(tmp_path, BARE)
    assert len(read_workload(path, 1)) == 1
    assert any("has 2 tasks; you asked for 9" in note for note in read_workload(path, 9).notes)


def test_ids_may_repeat_where_no_parents_name_them(tmp_path: Path) -> None:
    assert read_workload(written(tmp_path, "id,arrival_s,actual_cpu_s\na,0,1\na,0,1\n")).names == ("a", "a")


def test_a_parent_beyond_the_tasks_taken_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path, "id,arrival_s,actual_cpu_s,parents\na,0,1,b\nb,0,1,\n")
    assert "no task with the id 'b' among those read" in refusal(path, tasks=1)


def test_a_load_stretches_the_gaps_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, "arrival_s,actual_cpu_s,deadline_s\n5,1,6\n6,1,8\n9,1,\n")
    tasks = CsvFile().load(WorkloadRequest(ONE_CPU, seed=0, load=0.25, path=path))
    assert load_of(tasks, ONE_CPU) == pytest.approx(0.25)
    assert tasks.arrival_s.tolist() == [5, 7, 13]
    assert tasks.deadline_s is not None and tasks.deadline_s.tolist() == [6, 9, math.inf]
    assert "Arrivals stretched by 2" in tasks.notes[-1]


def test_a_load_for_tasks_that_arrive_at_once_has_no_effect_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, "arrival_s,actual_cpu_s\n0,1\n0,1\n")
    tasks = CsvFile().load(WorkloadRequest(ONE_CPU, seed=0, load=0.5, path=path))
    assert "the load has no effect" in tasks.notes[-1]


def test_a_misspelt_optional_column_is_pointed_out(tmp_path: Path) -> None:
    tasks = read_workload(written(tmp_path, "arrival_s,actual_cpu_s,divisable\n0,1,1\n"))
    assert "should it be 'divisible'?" in tasks.notes[-1]
