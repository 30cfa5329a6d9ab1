"""Task graphs of the Standard Task Graph Set: the documented forms, what is refused, and anything at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Cancelled, InputError
from engine.workload import Workload
from plugins.clusters import load_cluster
from plugins.workload import WorkloadRequest
from plugins.workloads.stg import Stg, StgParams
from tests.engine.engine_worlds import devices, laws

# the form of www.kasahara.cs.waseda.ac.jp/schedule/format_e.html: ten tasks, an entry and an exit
PLAIN = """\
 10
 0  0 0
 1  3 1 0
 2  3 1 1
 3  4 1 1
 4  2 1 1
 5  1 1 2
 6 10 1 2
 7 20 2 3 4
 8  7 2 5 6
 9  5 2 6 7
10  8 2 8 9
11  0 1 10
# Standard Task Graph Set Project
#   Tasks             : 10 (+dummy tasks : 2)
"""
# a parent and its communication cost on a line of their own; number of processors beside that of tasks
WITH_COMMUNICATION = """\
 3 2
 0 0 0
 1 5 1
     0 0
 2 4 1
     1 6
 3 2 2
     1 3
     2 1
 4 0 1
     3 0
"""
# proto_e.html: no entry, tasks from 1, number of processors
PROTOTYPE = "2 3\n1 14 0\n2 20 1 1\n3 0 1 2\n"

ONE_CPU = load_cluster("processors:1")


def load(folder: Path, text: str | bytes, params: StgParams | None = None, **request: object) -> Workload:
    path = folder / "graph.stg"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Stg(params).load(WorkloadRequest(**{"cluster": ONE_CPU, "seed": 1, "path": path} | request))  # type: ignore[arg-type]


def parents(tasks: Workload) -> dict[str, list[str]]:
    """Return the parents of each task by their numbers in the file."""
    assert tasks.names is not None
    bounds = tasks.parent_start.tolist()
    return {
        name: [tasks.names[p] for p in tasks.parent_index[a:b].tolist()]
        for name, a, b in zip(tasks.names, bounds, bounds[1:], strict=False)
    }


def test_tasks_times_and_parents_are_read_and_the_dummies_left_out(tmp_path: Path) -> None:
    tasks = load(tmp_path, PLAIN)
    assert tasks.actual_s[:, 0].tolist() == [3, 3, 4, 2, 1, 10, 20, 7, 5, 8]
    assert parents(tasks) == {
        "1": [], "2": ["1"], "3": ["1"], "4": ["1"], "5": ["2"], "6": ["2"], "7": ["3", "4"], "8": ["5", "6"],
        "9": ["6", "7"], "10": ["8", "9"],
    }  # fmt: skip
    assert not tasks.arrival_s.any() and not tasks.parent_gb.any()
    assert tasks.features[6].tolist() == [2, 1]
    assert tasks.notes[0].startswith("Read 12 tasks from 'graph.stg': 10 race, 2 were left out: 2 that take no time")


def test_the_prototype_form_is_read(tmp_path: Path) -> None:
    tasks = load(tmp_path, PROTOTYPE, StgParams(unit_s=0.5))
    assert tasks.actual_s[:, 0].tolist() == [7, 10]
    assert parents(tasks) == {"1": [], "2": ["1"]}
    assert "One unit of time of the file is 0.5 s (unit_s) on a CPU." in tasks.notes


def test_communication_costs_become_the_gb_that_the_link_moves_in_that_time(tmp_path: Path) -> None:
    linked = load_cluster("small")
    tasks = load(tmp_path, WITH_COMMUNICATION, StgParams(unit_s=2.0), cluster=linked)
    assert parents(tasks) == {"1": [], "2": ["1"], "3": ["1", "2"]}
    assert (tasks.parent_gb / linked.link.gb_s).tolist() == [12.0, 6.0, 2.0]
    assert any("communication costs became" in note for note in tasks.notes)


def test_communication_costs_without_a_link_have_no_effect_and_a_note_says_so(tmp_path: Path) -> None:
    tasks = load(tmp_path, WITH_COMMUNICATION)
    assert not tasks.parent_gb.any()
    assert any("without effect" in note for note in tasks.notes)


def test_gpu_times_are_made_up_only_for_a_cluster_with_gpus_and_a_note_says_so(tmp_path: Path) -> None:
    assert load(tmp_path, PLAIN).models == ("cpu",)
    tasks = load(tmp_path, PLAIN, cluster=load_cluster("small"))
    assert tasks.models == ("cpu", "gpu")
    assert (tasks.actual_s[:, 1] < tasks.actual_s[:, 0]).all()
    assert any("made up" in note for note in tasks.notes)


def test_the_first_tasks_are_those_whose_parents_are_among_them(tmp_path: Path) -> None:
    backwards = "3\n0 0 0\n1 1 1 3\n2 1 1 0\n3 1 1 2\n"
    assert list(parents(load(tmp_path, backwards, tasks=2))) == ["2", "3"]
    assert any("load has no effect" in note for note in load(tmp_path, PLAIN, load=0.5).notes)


def test_its_own_forms_are_recognised_and_those_of_others_are_not() -> None:
    for text in (PLAIN, WITH_COMMUNICATION, PROTOTYPE):
        assert Stg.recognises(Path("graph.stg"), text)
    for text in (
        "",
        "12\n",
        "512 16 0\n25137.5\n52468.0\n",
        "2 2\n1.0\n2.0\n",
        "; Version: 2\n1 0 1 5 1 1 1 1 5 1 1 1 1 1 1 1 1 1\n",
        "arrival_s,actual_cpu_s\n0,1\n",
        "10\n0 0 5\n",
    ):
        assert not Stg.recognises(Path("other"), text), text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("ten\n", "line 1: a task graph begins with its number of tasks (and of processors), not with 'ten'"),
        ("0\n", "line 1: a task graph begins"),
        ("2 3 4\n", "not with '2 3 4'"),
        ("2\n0 0 0\n1 5\n", "line 3: has 2 numbers; a task has"),
        ("2\n0 0 0\n1 nan 1 0\n", "line 3: 'nan' is not a finite number"),
        ("2\n0 0 0\n1 -4 1 0\n", "line 3: -4 must be at least 0"),
        ("2\n0 0 0\n1 1e300 1 0\n", "line 3: 1e300 units of time are too many"),
        ("2\n0 0 0\n1 4 x 0\n", "line 3: 'x' must be a whole number"),
        ("2\n0 0 0\n1 4 2 0\n", "line 3: says that task 1 has 2 parents, but 1 follow"),
        ("2\n0 0 0\n1 4 1 0\n2 4 1 7\n", "line 4: task 2 has the parent 7, which does not exist"),
        ("2\n0 0 0\n1 4 1 0\n1 4 1 0\n", "line 4: task 1 is the one of line 3 too"),
        ("3\n0 0 0\n1 4 1 0\n2 0 1 1\n3 4 1 2\n", "line 4: task 2 takes no time; only the dummies"),
        ("9\n0 0 0\n1 4 1 0\n", "line 3: the file ends after 2 tasks, but its first line promises 9"),
        ("1\n0 0 0\n1 4 3\n0 1\n", "line 4: the file ends before 2 of the parents of task 1"),
        ("1\n0 0 0\n1 4 1\n0 1 2\n", "line 4: has 3 numbers, not a parent of task 1"),
        ("3\n1 4 1 3\n2 4 1 1\n3 4 1 2\n", "line 2: the parents of task '1' wait for it"),
        ("1\n1 4 1 1\n", "line 2: the parents of task '1' wait for it"),
        ("2\n0 0 0\n1 0 1 0\n", "has no tasks left to race"),
        (PLAIN[: PLAIN.index("7 20")], "line 9: the file ends after 7 tasks, but its first line promises 10"),
        (b"\x00\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_no_task_graph_gets_a_sentence_and_nothing_starts(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)


def test_a_circle_is_found_also_beyond_the_first_tasks_and_named_on_the_circle(tmp_path: Path) -> None:
    """4 hangs on the circle of 2 and 3, but is not of it."""
    with pytest.raises(InputError, match=r"line [45]: the parents of task '[23]' wait for it"):
        load(tmp_path, "4\n0 0 0\n1 1 1 0\n2 1 1 3\n3 1 1 2\n4 1 1 3\n", tasks=1)


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    def stop(share: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        load(tmp_path, PLAIN, progress=stop)


@laws(150)
@given(st.one_of(st.binary(max_size=200), st.text("0123456789 .-#e\n", max_size=300).map(str.encode)))
def test_any_bytes_are_refused_with_a_sentence_or_make_a_valid_workload(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    try:
        assert len(load(tmp_path_factory.mktemp("stg"), content, cluster=devices({}, {"kind": "gpu"})))
    except InputError as error:
        assert "graph.stg" in str(error)


@laws(150)
@given(st.data(), st.sampled_from([PLAIN, WITH_COMMUNICATION, PROTOTYPE]))
def test_a_damaged_graph_is_refused_with_a_sentence_or_still_is_one(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, text: str
) -> None:
    cells = text.split(" ")
    at = data.draw(st.integers(0, len(cells) - 1))
    cells[at] = data.draw(st.sampled_from(["", "0", "1", "99999999999999999999", "-1", "nan", "1e308", "\n", "#", "x"]))
    try:
        assert len(load(tmp_path_factory.mktemp("stg"), " ".join(cells), cluster=load_cluster("small")))
    except InputError as error:
        assert "graph.stg" in str(error)
