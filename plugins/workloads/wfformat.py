"""Workflows in WfFormat, the JSON of WfCommons.

Coleman, Casanova, Pottier, Kaushik, Deelman & Ferreira da Silva, 'WfCommons: a framework for enabling scientific
workflow research and development', FGCS 128, 2022; schema: github.com/wfcommons/WfFormat. Version 1.4 has all of a task
in one place and names parents by their names; since 1.5 what a workflow is (``specification``) and how it ran
(``execution``) are apart, and parents are named by ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.params import parameter
from engine.workload import Workload
from plugins.workload import WorkloadPlugin, WorkloadRequest
from plugins.workloads.graph_file import GraphTask, graph_workload
from plugins.workloads.json_object import JsonObject, read_json
from plugins.workloads.table import Problems
from plugins.workloads.trace import Account

VERSIONS = ("1.4", "1.5", "1.6")
SHORTEST_S = 1e-3
_BYTES_A_GB = 1e9


@dataclass(frozen=True)
class WfFormatParams:
    """How the tasks are placed."""

    cores: bool = parameter(
        False, "Whether a task takes as many slots as it had cores: for clusters whose slots are cores, as processors:N"
    )


class WfFormat(WorkloadPlugin):
    """One workflow; all its tasks arrive at once."""

    name = "wfformat"
    summary = "A scientific workflow in WfFormat 1.4 to 1.6 (WfCommons, JSON)."
    explanation = (
        "Tasks with measured run times, memory and the sizes of the files that go from parents to children. There are "
        "no GPU times in WfFormat: on a cluster with GPUs they are made up, and a note says so."
    )
    reads_files = True
    Params = WfFormatParams

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the workflow; ``tasks`` takes the first ones, ``load`` means nothing: all tasks arrive at once."""
        if request.path is None:
            raise InputError("The workload 'wfformat' reads a file; write wfformat:FILE.")
        problems = Problems(request.path)
        read = _read(request.path, JsonObject(read_json(request.path, request.progress), "the file", problems))
        problems.refuse()
        if not read:
            raise InputError(f"'{request.path}' has no tasks.")
        account = Account(request.path)
        parents = _parents(read, problems)
        problems.refuse()
        tasks = _tasks(read, parents, account, self.params.cores)
        account.assume("Schedulers are told all times from the start, so there is nothing to learn.")
        names = ("kind", "input_gb", "output_gb", "parents", "children")
        return graph_workload(request.path, tasks, request, account, names)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the text begins a JSON object that names a schema version and a workflow."""
        return head.lstrip("\ufeff \t\r\n").startswith("{") and '"schemaVersion"' in head and '"workflow"' in head


@dataclass(frozen=True, slots=True)
class _Task:
    """What both forms say of a task. ``key`` is what parents and children of others name; files are by id."""

    key: str
    name: str
    place: JsonObject
    runtime_s: float
    cores: float
    memory_bytes: float
    program: str
    parents: Sequence[str]
    children: Sequence[str]
    inputs: Mapping[str, float]
    outputs: Mapping[str, float]


def _read(path: Path, file: JsonObject) -> list[_Task]:
    version = file.text("schemaVersion")
    if version not in VERSIONS:
        raise InputError(
            f"'{path}' is WfFormat {version or 'without a version'}; {', '.join(VERSIONS)} can be read. WfCommons' "
            "wfcommons-migrate-instance.py turns older files into these."
        )
    workflow = file.child("workflow")
    return _read_14(workflow) if version == "1.4" else _read_15(workflow)


def _read_14(workflow: JsonObject) -> list[_Task]:
    tasks = []
    for task in workflow.children("tasks"):
        inputs: dict[str, float] = {}
        outputs: dict[str, float] = {}
        for file in task.children("files"):
            link = file.text("link").lower()
            if link not in ("input", "output"):
                task.refuse(f"has a file with the link '{link}', which is neither input nor output")
            (inputs if link == "input" else outputs)[file.text("name")] = file.number("sizeInBytes")
        tasks.append(_task(task, task, task.text("name"), "cores", inputs, outputs))
    return tasks


def _read_15(workflow: JsonObject) -> list[_Task]:
    specification = workflow.child("specification")
    size = {file.text("id"): file.number("sizeInBytes") for file in specification.children("files")}
    runs = {run.text("id"): run for run in workflow.child("execution").children("tasks")}
    tasks = []
    for task in specification.children("tasks"):
        key = task.text("id")
        run = runs.get(key)
        if run is None:
            task.refuse("has no run time: workflow.execution.tasks lacks it")
            continue
        inputs, outputs = (_sizes(task, files, size) for files in ("inputFiles", "outputFiles"))
        tasks.append(_task(task, run, key, "coreCount", inputs, outputs))
    return tasks


def _sizes(task: JsonObject, files: str, size: Mapping[str, float]) -> dict[str, float]:
    names = task.texts(files)
    for name in names:
        if name not in size:
            task.refuse(f"{files} names '{name}', which workflow.specification.files lacks")
    return {name: size[name] for name in names if name in size}


def _task(
    task: JsonObject,
    run: JsonObject,
    key: str,
    cores: str,
    inputs: Mapping[str, float],
    outputs: Mapping[str, float],
) -> _Task:
    """Return the task; ``run`` is the object that holds how it ran."""
    return _Task(
        key=key,
        name=task.text("name"),
        place=task,
        runtime_s=run.number("runtimeInSeconds"),
        cores=run.number(cores, 1.0),
        memory_bytes=run.number("memoryInBytes", 0.0),
        program=run.child("command").text("program", "") if "command" in run else "",
        parents=task.texts("parents"),
        children=task.texts("children"),
        inputs=inputs,
        outputs=outputs,
    )


def _parents(tasks: Sequence[_Task], problems: Problems) -> list[list[int]]:
    """Return the parents of each task as positions; an edge that only one of its ends declares is one too."""
    position: dict[str, int] = {}
    for i, task in enumerate(tasks):
        if task.key in position:
            problems.add_at(task.place.where, f"another task is called '{task.key}' too")
        position[task.key] = i
    parents: list[dict[int, None]] = [{} for _ in tasks]  # sets that keep their order
    for i, task in enumerate(tasks):
        for name, is_parent in (*((p, True) for p in task.parents), *((c, False) for c in task.children)):
            other = position.get(name)
            if other is None:
                what = "parent" if is_parent else "child"
                problems.add_at(task.place.where, f"there is no task '{name}', which it names as a {what}")
            elif is_parent:
                parents[i][other] = None
            else:
                parents[other][i] = None
    return [sorted(row) for row in parents]


def _tasks(tasks: Sequence[_Task], parents: list[list[int]], account: Account, cores: bool) -> list[GraphTask]:
    kinds = {program: number for number, program in enumerate(dict.fromkeys(task.program for task in tasks))}
    children = [0] * len(tasks)
    for row in parents:
        for parent in row:
            children[parent] += 1
    short = sum(task.runtime_s < SHORTEST_S for task in tasks)
    if short:
        account.assume(f"{short:,} tasks ran for less than {SHORTEST_S * 1000:g} ms and take that long here.")
    wide = sum(task.cores > 1 for task in tasks)
    if wide and not cores:
        account.assume(f"{wide:,} tasks had several cores; each takes one slot (cores = true: as many slots as cores).")
    return [
        GraphTask(
            name=task.name,
            where=task.place.where,
            cpu_s=max(task.runtime_s, SHORTEST_S),
            parents=row,
            parents_gb=[_shared_gb(tasks[parent], task) for parent in row],
            memory_gb=task.memory_bytes / _BYTES_A_GB,
            slots=max(int(task.cores), 1) if cores else 1,
            features=(
                kinds[task.program],
                sum(task.inputs.values()) / _BYTES_A_GB,
                sum(task.outputs.values()) / _BYTES_A_GB,
                len(row),
                children[i],
            ),
        )
        for i, (task, row) in enumerate(zip(tasks, parents, strict=True))
    ]


def _shared_gb(parent: _Task, child: _Task) -> float:
    """Return the GB of the files that the parent writes and the child reads."""
    return sum(size for file, size in parent.outputs.items() if file in child.inputs) / _BYTES_A_GB
