"""Bounds that others have computed: the fractional optimum of Braun's instances, area and critical path of Cholesky.

Braun et al., JPDC 61(6), 2001, instances from chgogos/hcsp; kernel times of StarPU's machine sirocco (20 CPU cores and
4 GPUs, 960 x 960 tiles). The reference files are read where they lie and never copied here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.bounds import Bounds, lower_bounds
from engine.cluster import Cluster, Device
from engine.workload import Workload, workload
from plugins.workload import WorkloadRequest
from plugins.workloads.cholesky import Cholesky
from plugins.workloads.tiled import TiledParams

SHARED = Path(__file__).parents[2] / "../shared"
INSTANCES = ("u_c_hihi.0", "u_c_lolo.0", "u_i_hihi.0", "u_i_hilo.0", "u_s_hihi.0", "u_s_lohi.0")
MACHINES = tuple(f"m{i}" for i in range(16))


def shared_text(name: str) -> str:
    file = SHARED / name
    if not file.exists():
        pytest.skip(f"{file.name} is not there (../shared is handed over beside the repository)")
    return file.read_text()


def bounds_of(tasks: Workload, cluster: Cluster) -> Bounds:
    bounds = lower_bounds(tasks, cluster)
    assert bounds is not None
    return bounds


@pytest.mark.parametrize("instance", INSTANCES)
def test_the_makespan_bound_of_brauns_instances_is_the_published_fractional_optimum(instance: str) -> None:
    expected = json.loads(shared_text("reference/braun_512x16.json"))[instance]["LP lower bound (fractional)"]
    numbers = shared_text(f"traces/braun/{instance}").split()
    etc_s = np.array(numbers[-512 * 16 :], dtype=float).reshape(512, 16)
    cluster = Cluster("braun", tuple(Device(i, name, "cpu", name) for i, name in enumerate(MACHINES)))
    assert bounds_of(workload(instance, MACHINES, np.zeros(512), etc_s), cluster).makespan_s == pytest.approx(
        expected, abs=6e-4
    )


@pytest.mark.parametrize(
    ("tiles", "area_s", "critical_path_s"),
    [(8, 18.44e-3, 75.79e-3), (16, 115.79e-3, 153.98e-3), (32, 924.96e-3, 310.36e-3)],
)
def test_the_area_and_the_critical_path_of_a_tiled_cholesky_on_sirocco(
    tiles: int, area_s: float, critical_path_s: float
) -> None:
    cores = [Device(i, f"cpu-{i}", "cpu", "cpu") for i in range(20)]
    gpus = [Device(20 + i, f"gpu-{i}", "gpu", "gpu") for i in range(4)]
    sirocco = Cluster("sirocco", (*cores, *gpus))
    graph = Cholesky(TiledParams(tiles=tiles)).load(WorkloadRequest(sirocco, 0))
    assert len(graph) == Cholesky.task_count(tiles)
    bounds = bounds_of(graph, sirocco)
    assert bounds.critical_path_s == pytest.approx(critical_path_s, abs=6e-6)
    assert bounds.makespan_s >= bounds.critical_path_s
    independent = replace(graph, parent_start=np.zeros_like(graph.parent_start), parent_index=graph.parent_index[:0])
    assert bounds_of(independent, sirocco).makespan_s == pytest.approx(area_s, abs=6e-6)
