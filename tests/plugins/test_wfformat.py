"""WfFormat: both of its forms, the published workflows, what is refused, and anything at all."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Cancelled, InputError
from engine.workload import Workload
from plugins.clusters import load_cluster
from plugins.workload import WorkloadRequest
from plugins.workloads.stg import Stg
from plugins.workloads.wfformat import WfFormat, WfFormatParams
from tests.engine.engine_worlds import laws

TRACES = Path(__file__).parents[2] / "../shared/traces/wf"

GB = 1_000_000_000
SIZES = {"in": 8 * GB, "a": GB, "b": 2 * GB, "c": 3 * GB, "d": 0}


def spec(name: str, key: str, parents: list[str], children: list[str], read: str, written: str) -> dict[str, Any]:
    files = {"inputFiles": read.split(), "outputFiles": written.split()}
    return {"name": name, "id": key, "parents": parents, "children": children, **files}


def old(name: str, parents: list[str], read: str, written: str, **run: object) -> dict[str, Any]:
    links = [("input", read), ("output", written)]
    files = [{"link": link, "name": f, "sizeInBytes": SIZES[f]} for link, names in links for f in names.split()]
    return {"name": name, "parents": parents, "files": files, **run}


# the edge from w1 to j1 is declared by j1 alone
NEW: dict[str, Any] = {
    "name": "diamond",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {
            "tasks": [
                spec("split", "s1", [], ["w1", "w2"], "in", "a b"),
                spec("work", "w1", ["s1"], [], "a", "c"),
                spec("work", "w2", ["s1"], ["j1"], "b in", "d"),
                spec("join", "j1", ["w1", "w2"], [], "c d", ""),
            ],
            "files": [{"id": name, "sizeInBytes": size} for name, size in SIZES.items()],
        },
        "execution": {
            "makespanInSeconds": 9,
            "executedAt": "2020-03-20T15:19:28-08:00",
            "tasks": [
                {"id": "s1", "runtimeInSeconds": 2.5, "memoryInBytes": 4 * GB, "command": {"program": "split"}},
                {"id": "w1", "runtimeInSeconds": 4, "coreCount": 4, "command": {"program": "work"}},
                {"id": "w2", "runtimeInSeconds": 3, "coreCount": 1, "command": {"program": "work", "arguments": []}},
                {"id": "j1", "runtimeInSeconds": 0},
            ],
        },
    },
}
OLD: dict[str, Any] = {
    "name": "diamond",
    "schemaVersion": "1.4",
    "workflow": {
        "makespanInSeconds": 9,
        "executedAt": "2020-03-20T15:19:28-08:00",
        "tasks": [
            old("s", [], "in", "a b", runtimeInSeconds=2.5, memoryInBytes=4 * GB, command={"program": "split"}),
            old("work_1", ["s"], "a", "c", runtimeInSeconds=4, cores=4, command={"program": "work"}),
            old("work_2", ["s"], "b in", "d", runtimeInSeconds=3, cores=1, command={"program": "work"}),
            old("join", ["work_1", "work_2"], "c d", "", runtimeInSeconds=0),
        ],
    },
}

CPUS = load_cluster("processors:8")


def load(folder: Path, content: object, params: WfFormatParams | None = None, **request: object) -> Workload:
    path = folder / "workflow.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return WfFormat(params).load(WorkloadRequest(**{"cluster": CPUS, "seed": 1, "path": path} | request))  # type: ignore[arg-type]


@pytest.mark.parametrize("form", [OLD, NEW], ids=["1.4", "1.5"])
def test_both_forms_say_the_same(tmp_path: Path, form: dict[str, Any]) -> None:
    tasks = load(tmp_path, form)
    assert tasks.actual_s[:, 0].tolist() == [2.5, 4.0, 3.0, 0.001]
    assert tasks.parent_start.tolist() == [0, 0, 1, 2, 4]
    assert tasks.parent_index.tolist() == [0, 0, 1, 2]
    assert tasks.parent_gb.tolist() == [1.0, 2.0, 3.0, 0.0]
    assert tasks.memory_gb.tolist() == [4.0, 0.0, 0.0, 0.0]
    assert dict(zip(tasks.feature_names, tasks.features.T.tolist(), strict=True)) == {
        "kind": [0, 1, 1, 2], "input_gb": [8, 1, 10, 3], "output_gb": [3, 3, 0, 0],
        "parents": [0, 1, 1, 2], "children": [2, 1, 1, 0],
    }  # fmt: skip
    assert any("1 tasks ran for less than 1 ms" in note for note in tasks.notes)


def test_a_task_takes_one_slot_unless_asked_to_take_its_cores(tmp_path: Path) -> None:
    tasks = load(tmp_path, NEW)
    assert tasks.slots.tolist() == [1, 1, 1, 1]
    assert any("1 tasks had several cores; each takes one slot" in note for note in tasks.notes)
    assert load(tmp_path, NEW, WfFormatParams(cores=True)).slots.tolist() == [1, 4, 1, 1]


def test_gpu_times_are_made_up_only_for_a_cluster_with_gpus_and_a_note_says_so(tmp_path: Path) -> None:
    assert load(tmp_path, NEW).models == ("cpu",)
    tasks = load(tmp_path, NEW, cluster=load_cluster("default"))
    assert tasks.models == ("cpu", "gpu")
    assert any("made up" in note for note in tasks.notes)


def test_the_first_tasks_are_those_whose_parents_are_among_them(tmp_path: Path) -> None:
    backwards = copy.deepcopy(NEW)
    backwards["workflow"]["specification"]["tasks"].reverse()
    tasks = load(tmp_path, backwards, tasks=2)
    assert tasks.names == ("split", "work")
    assert tasks.parent_index.tolist() == [0]


def test_it_is_recognised_by_the_head_and_other_files_are_not() -> None:
    assert WfFormat.recognises(Path("w.json"), json.dumps(NEW)[:4096])
    assert WfFormat.recognises(Path("w.json"), "\ufeff" + json.dumps(OLD, indent=2)[:4096])
    for text in (
        "",
        "{}",
        '{"workflow": {}}',
        "arrival_s,actual_cpu_s\n",
        "2\n0 0 0\n",
        '["schemaVersion", "workflow"]',
    ):
        assert not WfFormat.recognises(Path("other"), text), text
    assert not Stg.recognises(Path("w.json"), json.dumps(NEW))


def changed(form: dict[str, Any], *path: str | int, to: object) -> dict[str, Any]:
    """Return a copy with one value replaced, or removed where it is to be ``...``."""
    result = copy.deepcopy(form)
    place: Any = result
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return result


TASKS = ("workflow", "specification", "tasks")
RUNS = ("workflow", "execution", "tasks")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON: Expecting value (line 1)"),
        (json.dumps(NEW, indent=1).encode()[:700], "is not valid JSON"),
        (b"\x89PNG\r\n\x00\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": NaN}', "NaN is no number in JSON"),
        (b"1" * 5000, "is not valid JSON"),
        ([], "is WfFormat without a version"),
        (changed(NEW, "schemaVersion", to="1.3"), "is WfFormat 1.3; 1.4, 1.5, 1.6 can be read"),
        (changed(NEW, "workflow", to=[]), "the file.workflow: is not an object"),
        (changed(NEW, "workflow", "execution", to=...), "the file.workflow: has no execution"),
        (changed(NEW, *TASKS, to=[]), "has no tasks"),
        (changed(NEW, *TASKS, to={}), "tasks must be a list"),
        (changed(NEW, *TASKS, 1, to=7), "tasks [1]: is not an object"),
        (changed(NEW, *TASKS, 1, "id", to=...), "tasks 'work': has no id"),
        (changed(NEW, *TASKS, 1, "id", to="w2"), "another task is called 'w2' too"),
        (changed(NEW, *TASKS, 1, "parents", to=["x9"]), "'w1': there is no task 'x9', which it names as a parent"),
        (changed(NEW, *TASKS, 1, "children", to=["x9"]), "there is no task 'x9', which it names as a child"),
        (changed(NEW, *TASKS, 1, "parents", to=[3]), "tasks 'w1': parents must hold texts only"),
        (changed(NEW, *TASKS, 1, "inputFiles", to=["zz"]), "inputFiles names 'zz', which"),
        (changed(NEW, *TASKS, 0, "parents", to=["j1"]), "; a task graph has no circles"),
        (changed(NEW, *RUNS, 2, to=...), "tasks 'w2': has no run time"),
        (changed(NEW, *RUNS, 2, "runtimeInSeconds", to=...), "tasks 'w2': has no runtimeInSeconds"),
        (changed(NEW, *RUNS, 2, "runtimeInSeconds", to=-1), "runtimeInSeconds is -1; it must be a number from 0"),
        (changed(NEW, *RUNS, 2, "runtimeInSeconds", to="3"), "runtimeInSeconds is 3; it must be a number"),
        (changed(NEW, *RUNS, 2, "runtimeInSeconds", to=True), "runtimeInSeconds is True; it must be a number"),
        (changed(NEW, *RUNS, 2, "runtimeInSeconds", to=10**400), "it must be a number from 0 to 1e+18"),
        (changed(NEW, *RUNS, 2, "runtimeInSeconds", to=1e17), "tasks 'w2': Task 2"),
        (changed(NEW, "workflow", "specification", "files", 1, "sizeInBytes", to=...), "files 'a': has no sizeInBytes"),
        (changed(OLD, "workflow", "tasks", 1, "runtimeInSeconds", to=...), "tasks 'work_1': has no runtimeInSeconds"),
        (changed(OLD, "workflow", "tasks", 1, "parents", to=["x"]), "there is no task 'x', which it names as a parent"),
        (changed(OLD, "workflow", "tasks", 1, "files", to=[{}]), "tasks 'work_1'.files [0]: has no link"),
    ],
)
def test_what_is_no_workflow_gets_a_sentence_that_names_the_place(
    tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, content)
    assert message in str(caught.value)
    assert "workflow.json" in str(caught.value)


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    def stop(share: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        load(tmp_path, NEW, progress=stop)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    keys: list[Any] = list(value) if isinstance(value, dict) else []
    if isinstance(value, list):
        keys = list(range(len(value)))
    return [found for key in keys for found in ((*path, key), *places(value[key], (*path, key)))]


@laws(300)
@given(st.data(), st.sampled_from([OLD, NEW]), ANYTHING)
def test_a_workflow_with_anything_in_place_of_a_value_is_refused_with_a_sentence_or_still_is_one(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, form: dict[str, Any], value: object
) -> None:
    place = data.draw(st.sampled_from(places(form)))
    try:
        assert len(load(tmp_path_factory.mktemp("wf"), changed(form, *place, to=value), cluster=load_cluster("small")))
    except InputError as error:
        assert "workflow.json" in str(error)


@laws(150)
@given(st.binary(max_size=200) | st.text('{}[]",:0123456789.-eE abc\n', max_size=200).map(str.encode))
def test_any_bytes_are_refused_with_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    with pytest.raises(InputError, match=r"workflow\.json"):
        load(tmp_path_factory.mktemp("wf"), content)


# tasks and declared edges counted by jq, seconds by summing workflow.execution.tasks[].runtimeInSeconds
PUBLISHED = {
    "1000genome-chameleon-2ch-100k-001": (52, 76, 2771.295),
    "blast-chameleon-small-001": (43, 120, 382.91272),
    "epigenomics-chameleon-hep-1seq-100k-001": (41, 48, 539.307),
    "montage-chameleon-2mass-005d-001": (58, 114, 221.726),
    "seismology-chameleon-100p-001": (101, 100, 71.893),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_workflows_are_recognised_and_read_whole(name: str) -> None:
    path = TRACES / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there (../shared is handed over beside the repository)")
    assert WfFormat.recognises(path, path.read_text()[:4096])
    tasks = WfFormat().load(WorkloadRequest(CPUS, seed=1, path=path))
    count, edges, seconds = PUBLISHED[name]
    assert len(tasks) == count
    assert len(tasks.parent_index) == edges
    assert tasks.actual_s.sum() == pytest.approx(seconds)
    assert tasks.parent_gb.sum() > 0
    assert tasks.notes[0] == f"Read {count} tasks from '{path.name}': {count} race, none was left out."
