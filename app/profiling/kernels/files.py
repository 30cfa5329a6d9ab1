"""The folder that ``schedrace profile --kernels`` writes: workload, cluster, co-execution and provenance."""

from __future__ import annotations

import csv
import io
import os
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.output import json_text
from app.profiling.cpu import cpu_name
from app.profiling.figures import Figures, cluster_toml, significant
from app.profiling.kernels.devices import OpenClDevice
from app.profiling.kernels.measuring import REPEATS, Measurement
from app.profiling.kernels.running import LATENCY_RUNS, LINK_BYTES, LINK_RUNS, GpuLink
from engine.cluster import Kind
from engine.errors import SchedRaceError
from engine.words import remedy

WORKLOAD, CLUSTER, COEXECUTION, PROVENANCE = "workload.csv", "cluster.toml", "coexecution.csv", "provenance.json"
_TASKS = (
    "name", "arrival_s", "actual_cpu_s", "actual_gpu_s", "transfer_gb", "memory_gb", "divisible",
    "size", "flops", "bytes", "work_items",
)  # fmt: skip
_POINTS = ("kernel", "size", "gpu_fraction", "measured_s", "spread", "law_s", "error", "chosen")


def folder_texts(measurement: Measurement) -> dict[str, str]:
    """Return the text of each file by its name."""
    return {
        WORKLOAD: _workload(measurement),
        CLUSTER: _cluster(measurement),
        COEXECUTION: _coexecution(measurement),
        PROVENANCE: json_text(provenance(measurement)) + "\n",
    }


def write_folder(out: Path, texts: Mapping[str, str]) -> None:
    """Write the files into a new folder, which is there whole or not at all. Raises :class:`SchedRaceError`."""
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        unfinished.mkdir()
        try:
            for name, text in texts.items():
                (unfinished / name).write_text(text, encoding="utf-8")
            unfinished.rename(out)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)  # no longer there when all went well
    except OSError as error:
        raise SchedRaceError(
            f"The folder '{out}' cannot be written: {error.strerror}. {remedy(error)}, or choose another place with "
            "--out."
        ) from error


def provenance(measurement: Measurement) -> dict[str, Any]:
    """Return what was measured where, when and with what."""
    return {
        "what": "OpenCL kernels of SchedRace on a CPU and a GPU, alone and co-executed; measured, not modelled",
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.node(),
        "processor": cpu_name(),
        "system": platform.platform(),
        "cpu": measurement.pair.cpu.as_json(),
        "gpu": measurement.pair.gpu.as_json(),
        "latency_s": measurement.link.latency_s,
        "link_gb_s": measurement.link.gb_s,
        "repeats": REPEATS,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("schedrace", "pyopencl", "numpy")},
        },
    }


def _workload(measurement: Measurement) -> str:
    return _csv(
        _TASKS,
        (
            (
                f"{of.kernel}/{of.size}", 0, _exact(of.alone.cpu_s), _exact(of.alone.gpu_s), of.alone.transfer_gb,
                of.bytes / 1e9, 1, of.size, of.flops, of.bytes, of.work_items,
            )
            for of in measurement.kernels
        ),
    )  # fmt: skip


def _coexecution(measurement: Measurement) -> str:
    return _csv(
        _POINTS,
        (
            (
                point.kernel, point.size, _exact(point.fraction), _exact(point.measured_s), _exact(point.spread),
                _exact(point.law_s), _exact(point.error), int(point.chosen),
            )
            for point in measurement.points
        ),
    )  # fmt: skip


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _exact(value: float) -> str:
    """Return more digits than any clock here has."""
    return f"{value:.6g}"


def _cluster(measurement: Measurement) -> str:
    cpu, gpu = measurement.pair.cpu, measurement.pair.gpu
    devices = (_figures(cpu, "cpu", None), _figures(gpu, "gpu", measurement.link))
    return cluster_toml(platform.node() or "this machine", devices)


def _figures(device: OpenClDevice, kind: Kind, link: GpuLink | None) -> Figures:
    way = (
        ()
        if link is None
        else (
            f"link measured: {LINK_BYTES // 2**20} MiB page-locked there and back, median of {LINK_RUNS}",
            f"latency measured: a kernel that does nothing, until its end is seen, median of {LATENCY_RUNS}",
        )
    )
    return Figures(
        id=kind,
        kind=kind,
        name=device.name,
        speed=1.0,
        memory_gb=significant(device.memory_bytes / 1e9),
        idle_w=0.0,
        active_w=0.0,
        origins=(
            f"{device.compute_units} compute units under {device.platform}, driver {device.driver}",
            f"speed 1, because {WORKLOAD} beside this file has the seconds of this device",
            "memory as OpenCL reports it",
            *way,
            "watts and price not measured",
        ),
        link_gb_s=None if link is None else link.gb_s,
        link_latency_s=0.0 if link is None else link.latency_s,
    )
