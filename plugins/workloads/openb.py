"""Alibaba's cluster-trace-gpu-v2023 ('openb'): pods that share GPUs by thousandths of a card.

Reads the pod lists behind Weng et al. 2023, 'Beware of fragmentation: scheduling GPU-sharing workloads with
fragmentation gradient descent' (USENIX ATC). A device is one card with 1000 slots, as in the preset ``openb``. A whole
node as one device (1000 slots a card) would take pods of several cards, but would also let a pod of 0.6 card run on
what is left of two others; so those pods, 1 % of the list, are left out and counted instead.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.errors import InputError, TaskError
from engine.workload import BoolArray, FloatArray, IntArray, Workload, workload
from plugins.arrivals import rescaled
from plugins.workload import Progress, WorkloadPlugin, WorkloadRequest
from plugins.workloads.rows import Row, rows_of
from plugins.workloads.table import open_table
from plugins.workloads.trace import Account, TraceParams

MILLI = 1000
"""Slots of a card."""
_FEATURES = ("cpu_milli", "memory_mib", "gpu_milli", "latency_sensitive")
_REQUIRED = (
    "name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec", "qos", "pod_phase", "creation_time",
    "deletion_time", "scheduled_time",
)  # fmt: skip


class Openb(WorkloadPlugin):
    """The pods of a shared GPU cluster that asked for one card or a part of one."""

    name = "openb"
    summary = "Pods of Alibaba's GPU cluster (v2023), most of which share a card."
    explanation = (
        "A pod takes thousandths of one GPU card from the second it was created, for as long as it ran then; the trace "
        "has no speeds, so it takes equally long on every model. Pods of CPUs alone and of several cards are left out."
    )
    Params = TraceParams
    reads_files = True

    def load(self, request: WorkloadRequest) -> Workload:
        """Read the pod list whole; ``tasks`` takes the first pods, ``load`` stretches the gaps between arrivals."""
        if request.path is None:
            raise InputError("The workload 'openb' reads a file; write openb:FILE.")
        account = Account(request.path, "pods")
        pods = _read(request.path, account, request.progress)
        chosen = account.choose(np.array(pods.arrival_s), self.params, request.tasks)
        account.assume("The trace has no speeds: a pod takes as long on every GPU model, and sharing slows nobody.")
        tasks = _tasks(request.path, pods, chosen, account)
        return tasks if request.load is None else rescaled(tasks, request.cluster, request.load)

    @classmethod
    def recognises(cls, path: Path, head: str) -> bool:
        """Return whether the header names the columns of a pod list."""
        return {cell.strip() for cell in head.partition("\n")[0].split(",")}.issuperset(_REQUIRED)

    @classmethod
    def cluster_of(cls, path: Path, head: str) -> str:
        """Return the cluster that the pods ran on."""
        return "openb"


@dataclass(slots=True)
class _Pods:
    """The pods that can race, as they come in; ``allowed`` is None where any GPU model will do."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    names: list[str] = field(default_factory=list)
    arrival_s: array[float] = field(default_factory=lambda: array("d"))
    run_s: array[float] = field(default_factory=lambda: array("d"))
    features: array[float] = field(default_factory=lambda: array("d"))
    allowed: list[tuple[str, ...] | None] = field(default_factory=list)


def _read(path: Path, account: Account, progress: Progress) -> _Pods:
    pods = _Pods()
    with open_table(path, progress) as table:
        for row in rows_of(table, _REQUIRED):
            _read_pod(row, pods, account)
        table.problems.refuse()
    return pods


def _read_pod(row: Row, pods: _Pods, account: Account) -> None:
    created_s = row.number("creation_time")
    cards = row.whole("num_gpu", low=0, high=MILLI)
    milli = row.whole("gpu_milli", low=1 if cards == 1 else 0, high=MILLI)
    host = row.number("cpu_milli"), row.number("memory_mib")
    scheduled_s = row.number("scheduled_time", low=created_s) if row.text("scheduled_time") else math.nan
    deleted_s = row.number("deletion_time") if row.text("deletion_time") else math.nan
    if deleted_s < scheduled_s:
        row.number("deletion_time", low=scheduled_s)
    if not row.sound:
        return
    run_s = deleted_s - scheduled_s
    reason = _left_out(cards, scheduled_s, run_s)
    if reason:
        account.leave_out(reason)
        return
    pods.lines.append(row.line)
    pods.names.append(row.text("name"))
    pods.arrival_s.append(created_s)
    pods.run_s.append(run_s)
    pods.features.extend((*host, milli, row.text("qos") == "LS"))
    pods.allowed.append(_models(row.text("gpu_spec")))


def _left_out(cards: int, scheduled_s: float, run_s: float) -> str:
    """Return why a pod does not race, nothing when it does."""
    if cards == 0:
        return "ask for CPUs alone"
    if cards > 1:
        return "ask for several cards of one node at once"
    if math.isnan(scheduled_s):
        return "were never scheduled, so nobody knows how long they run"
    if math.isnan(run_s):
        return "had not ended, so nobody knows how long they run"
    return "" if run_s > 0 else "ended in the second in which they began"


def _models(spec: str) -> tuple[str, ...] | None:
    """Return the GPU models of a constraint such as ``V100M16|V100M32``; None for any."""
    names = tuple(name.strip() for name in spec.split("|") if name.strip())
    return None if names in ((), ("nan",)) else names


def _tasks(path: Path, pods: _Pods, chosen: IntArray, account: Account) -> Workload:
    allowed = [pods.allowed[i] for i in chosen.tolist()]
    # 'gpu' stands for every model that no constraint names
    models = ("cpu", "gpu", *sorted({name for names in allowed for name in names or ()} - {"cpu", "gpu"}))
    features: FloatArray = np.array(pods.features).reshape(-1, len(_FEATURES))[chosen]
    try:
        return workload(
            path.stem,
            models,
            np.array(pods.arrival_s)[chosen],
            np.where(_runs_on(models, allowed), np.array(pods.run_s)[chosen, None], np.inf),
            features=features,
            feature_names=_FEATURES,
            slots=features[:, _FEATURES.index("gpu_milli")],
            names=[pods.names[i] for i in chosen.tolist()],
            notes=account.notes(),
        )
    except TaskError as error:
        raise InputError(f"'{path}', line {pods.lines[int(chosen[error.task])]}: {error}") from error


def _runs_on(models: tuple[str, ...], allowed: list[tuple[str, ...] | None]) -> BoolArray:
    """Return which pod (n) may run on which device model (m)."""
    may = np.zeros((len(allowed), len(models)), dtype=bool)
    for row, names in zip(may, allowed, strict=True):
        row[1:] = names is None
        for name in names or ():
            row[models.index(name)] = True
    return may
