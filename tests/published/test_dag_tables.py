"""Task graphs whose schedules are published: CPOP's ten tasks, PEFT's ten tasks, the tiled Cholesky factorisation."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from engine.cluster import Cluster, Link
from engine.placement import on
from engine.scheduler import Scheduler
from engine.simulation import Simulation
from engine.workload import Workload, workload
from plugins.clusters import load_cluster
from plugins.schedulers.cpop import Cpop
from plugins.schedulers.cpu_only import CpuOnly
from plugins.schedulers.dmda import Dmda
from plugins.schedulers.gpu_only import GpuOnly
from plugins.schedulers.heft import Heft, HeftParams
from plugins.schedulers.heteroprio import HeteroPrio
from plugins.schedulers.peft import Peft, optimistic_costs
from plugins.schedulers.static_plan import Graph, Plan
from plugins.schedulers.work_stealing import WorkStealing
from plugins.workload import WorkloadRequest
from plugins.workloads.cholesky import Cholesky
from plugins.workloads.lu import Lu
from plugins.workloads.tiled import TILE, Factorisation, TiledParams
from tests.engine.engine_worlds import shares_of
from tests.published.test_heft_table import ten_tasks, three_processors

# Topcuoglu, Hariri & Wu 2002, figure 3b: task: (processor, start, end), makespan 86
CPOP_SCHEDULE = {
    1: (2, 0, 16), 2: (2, 16, 35), 3: (1, 28, 39), 4: (3, 25, 42), 5: (2, 35, 48),
    6: (3, 42, 51), 7: (1, 39, 46), 8: (3, 54, 68), 9: (2, 65, 77), 10: (2, 79, 86),
}  # fmt: skip

# The example of Arabnejad & Barbosa, IEEE TPDS 25(3), 2014 (graph, costs, OCT and schedule of makespan 122), as the
# tests of github.com/mackncheesiest/peft have it.
PEFT_COST_S = {
    1: (22, 21, 36), 2: (22, 18, 18), 3: (32, 27, 43), 4: (7, 10, 4), 5: (29, 27, 35),
    6: (26, 17, 24), 7: (14, 25, 30), 8: (29, 23, 36), 9: (15, 21, 8), 10: (13, 16, 33),
}  # fmt: skip
PEFT_DATA = {
    (1, 2): 17, (1, 3): 31, (1, 4): 29, (1, 5): 13, (1, 6): 7, (2, 8): 3, (2, 9): 30, (3, 7): 16,
    (4, 8): 11, (4, 9): 7, (5, 9): 57, (6, 8): 5, (7, 10): 9, (8, 10): 42, (9, 10): 7,
}  # fmt: skip
PEFT_OCT = {
    1: (64, 68, 86), 2: (42, 39, 42), 3: (27, 41, 43), 4: (42, 39, 50), 5: (28, 37, 28),
    6: (42, 39, 44), 7: (13, 16, 22), 8: (13, 16, 33), 9: (13, 16, 20), 10: (0, 0, 0),
}  # fmt: skip
PEFT_SCHEDULE = {
    1: (1, 0, 22), 4: (1, 22, 29), 6: (2, 29, 46), 2: (1, 29, 51), 5: (3, 35, 70),
    8: (2, 54, 77), 3: (1, 51, 83), 7: (1, 83, 97), 9: (3, 81, 89), 10: (2, 106, 122),
}  # fmt: skip


def peft_tasks() -> Workload:
    parents = [[p - 1 for (p, c) in PEFT_DATA if c == task] for task in PEFT_COST_S]
    sizes = [[PEFT_DATA[p + 1, task] for p in row] for task, row in zip(PEFT_COST_S, parents, strict=True)]
    costs = list(PEFT_COST_S.values())
    return workload("Arabnejad 2014", ("P1", "P2", "P3"), [0.0] * 10, costs, parents=parents, parents_gb=sizes)


def schedule(tasks: Workload, cluster: Cluster, rule: Scheduler) -> dict[int, tuple[int, float, float]]:
    """Return task: (processor, start, end), all counted from 1 as the papers do."""
    simulation = Simulation(tasks, cluster, rule)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return {task + 1: (device + 1, start_s, end_s) for task, device, _, start_s, end_s in shares_of(simulation)}


def test_cpop_on_the_ten_task_graph_gives_the_published_schedule_and_makespan_86() -> None:
    assert schedule(ten_tasks(), three_processors(), Cpop()) == CPOP_SCHEDULE


def test_peft_on_the_ten_task_graph_of_its_paper_gives_the_published_schedule_and_makespan_122() -> None:
    assert schedule(peft_tasks(), three_processors(), Peft()) == PEFT_SCHEDULE


def test_heft_on_pefts_graph_needs_133_as_its_paper_says() -> None:
    assert max(end_s for _, _, end_s in schedule(peft_tasks(), three_processors(), Heft()).values()) == 133.0


def test_the_optimistic_costs_are_those_of_the_papers_table() -> None:
    class Looking(Peft):
        def place(self, pending, state):  # type: ignore[no-untyped-def]
            tables.append(optimistic_costs(Graph(pending, state)))
            return super().place(pending, state)

    tables: list[dict[int, list[float]]] = []
    schedule(peft_tasks(), three_processors(), Looking())
    assert {i + 1: tuple(row) for i, row in tables[0].items()} == PEFT_OCT


# Makespans in ms of the tiled Cholesky factorisation on StarPU's machine sirocco (20 cores, 4 K40m) without transfers,
# computed by others from StarPU's published kernel times: tiles: (bound, HEFT without insertion, on the GPUs alone, on
# the cores alone); the bound is the larger of area bound (LP) and critical path. See also Agullo et al., IPDPS 2016.
CHOLESKY_MS = {
    8: (75.79, 84.04, 94.26, 366.17),
    16: (153.98, 249.70, 305.74, 1369.35),
    32: (924.96, 1144.94, 1462.07, 9719.54),
}


def without_links(*kinds: str) -> Cluster:
    """Return sirocco, or its devices of some kinds, with data everywhere at once."""
    sirocco = load_cluster("sirocco")
    chosen = [d for d in sirocco.devices if d.kind in (kinds or ("cpu", "gpu"))]
    devices = (replace(d, index=i, link_gb_s=None) for i, d in enumerate(chosen))
    return Cluster("sirocco without links", tuple(devices), Link())


def makespan_ms(tiles: int, cluster: Cluster, rule: Scheduler) -> float:
    tasks = Cholesky(TiledParams(tiles=tiles)).load(WorkloadRequest(cluster, seed=1))
    simulation = Simulation(tasks, cluster, rule)
    simulation.advance()
    assert simulation.status == "finished", simulation.reason
    return simulation.now_s * 1000


@pytest.mark.parametrize(("plugin", "codelets"), [(Cholesky, "chol_model_"), (Lu, "starpu_slu_lu_model_")])
def test_the_kernel_times_typed_in_are_those_of_starpus_sampling(plugin: type[Factorisation], codelets: str) -> None:
    file = Path(__file__).parents[2] / "../shared/traces/starpu/starpu_codelet_timings.csv"
    if not file.exists():
        pytest.skip(f"{file.name} is not there (../shared is handed over beside the repository)")
    with file.open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["host"] == "sirocco"]
    for name, kernel in plugin.kernels.items():
        for workers, got_ms in (("cpu", kernel.cpu_ms), ("cuda", kernel.gpu_ms)):
            of_kernel = [
                (float(row["mean_us"]) / 1000, int(row["samples"]))
                for row in rows
                if row["codelet"] == codelets + name
                and row["worker_impl"].startswith(workers)
                and int(row["size_bytes"]) == kernel.tiles * TILE * TILE * 4
            ]
            expected_ms = sum(ms * samples for ms, samples in of_kernel) / sum(samples for _, samples in of_kernel)
            assert got_ms == pytest.approx(expected_ms, rel=1e-6), (name, workers)


@pytest.mark.parametrize("tiles", CHOLESKY_MS)
def test_heft_without_insertion_needs_on_the_cholesky_graph_what_others_computed(tiles: int) -> None:
    got = makespan_ms(tiles, without_links(), Heft(HeftParams(insertion=False)))
    assert got == pytest.approx(CHOLESKY_MS[tiles][1], abs=0.005)


@pytest.mark.parametrize("tiles", CHOLESKY_MS)
def test_heft_on_the_cores_alone_is_what_others_computed(tiles: int) -> None:
    """To the digit at 8 and 16 tiles, within 0.02 % at 32: the others rank the tasks by their mean over all 24 devices
    also where the cores alone are used; here the mean is over the devices of the cluster, and some ties turn."""
    got = makespan_ms(tiles, without_links("cpu"), Heft(HeftParams(insertion=False)))
    assert got == pytest.approx(CHOLESKY_MS[tiles][3], rel=2e-4 if tiles == 32 else 0, abs=0.005)


@pytest.mark.parametrize("tiles", CHOLESKY_MS)
def test_the_gpus_alone_are_better_ranked_by_their_own_times_than_as_others_computed(tiles: int) -> None:
    """The others' GPU-only ranks tasks by their mean over all 24 devices too, so by the times of the cores, which do
    not compute: with such ranks our plan gives their figures to the digit. Ranked by the GPUs' own times HEFT needs 10
    to 22 % less, and gpu_only, which knows no ranks, 5 to 9 % less."""
    bound_ms, _, others_ms, _ = CHOLESKY_MS[tiles]

    class RankedByAll(Heft):
        def place(self, pending, state):  # type: ignore[no-untyped-def]
            mean_ms = {name: (20 * k.cpu_ms + 4 * k.gpu_ms) / 24 for name, k in Cholesky.kernels.items()}
            graph = Graph(pending, state)
            for i, task in graph.tasks.items():
                graph.mean_s[i] = mean_ms[task.name.partition("_")[0]] / 1000
            rank, plan = graph.upward_ranks(), Plan(graph, state, insertion=False)
            for i in sorted(graph.tasks, key=lambda i: (-rank[i], i)):
                option = min(plan.options(i))
                plan.put(i, option)
                yield on(graph.tasks[i], option[1], order=option[2])

    gpus = without_links("gpu")
    assert makespan_ms(tiles, gpus, RankedByAll()) == pytest.approx(others_ms, abs=0.005)
    assert bound_ms < makespan_ms(tiles, gpus, Heft(HeftParams(insertion=False))) < 0.95 * others_ms
    assert bound_ms < makespan_ms(tiles, without_links(), GpuOnly()) < 0.97 * others_ms


@pytest.mark.parametrize("rule", (Heft, Cpop, Peft, WorkStealing, Dmda, HeteroPrio, GpuOnly, CpuOnly))
@pytest.mark.parametrize("tiles", (8, 16))
def test_no_rule_beats_the_bounds_of_the_cholesky_graph(tiles: int, rule: type[Scheduler]) -> None:
    assert makespan_ms(tiles, without_links(), rule()) > CHOLESKY_MS[tiles][0] - 0.005
