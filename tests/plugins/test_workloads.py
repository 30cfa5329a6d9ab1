from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InputError
from plugins.arrivals import bursty, load_of, poisson
from plugins.clusters import load_cluster
from plugins.workload import WorkloadRequest
from plugins.workloads.cholesky import Cholesky
from plugins.workloads.kernels import Kernels, KernelsParams, read_kernels
from plugins.workloads.kernels_h100 import KernelsH100
from plugins.workloads.lu import Lu
from plugins.workloads.synthetic import Synthetic, SyntheticParams
from plugins.workloads.tiled import TILE_GB, TiledParams

DEFAULT = load_cluster("default")
KERNELS = Path(__file__).parents[2] / "../shared/traces/kernels/cgo17-nvidia.csv"


def request(**changes: object) -> WorkloadRequest:
    return WorkloadRequest(**{"cluster": DEFAULT, "seed": 7} | changes)  # type: ignore[arg-type]


def test_the_default_workload_is_two_thousand_tasks_at_load_0_8() -> None:
    tasks = Synthetic().load(request())
    assert len(tasks) == 2000
    assert load_of(tasks, DEFAULT) == pytest.approx(0.8, rel=0.1)  # the rate of 2000 Poisson arrivals
    assert tasks.divisible.all()
    assert tasks.feature_names == ("log_size", "affinity", "log_memory", "kind")


def test_the_same_seed_gives_the_same_tasks_at_every_load_with_the_gaps_stretched() -> None:
    low, high = (Synthetic().load(request(load=load)) for load in (0.4, 0.8))
    assert np.array_equal(low.actual_s, high.actual_s)
    assert np.allclose(low.arrival_s, 2 * high.arrival_s)
    assert not np.array_equal(low.actual_s, Synthetic().load(request(seed=8)).actual_s)


def test_true_times_are_the_law_times_noise_of_mean_one_and_the_law_differs_from_the_nominal_by_kind() -> None:
    tasks = Synthetic().load(request(tasks=20_000))
    assert tasks.law_s is not None
    noise = np.log(tasks.actual_s / tasks.law_s)
    assert noise.std() == pytest.approx(0.1, rel=0.05)
    assert np.exp(noise).mean() == pytest.approx(1.0, abs=0.005)
    small = tasks.features[:, 2] < math.log(2)  # no penalty for memory on the CPU
    on_cpu = np.log(tasks.law_s / tasks.etc_s)[small, 0]
    by_kind = [on_cpu[tasks.features[small, 3] == kind] for kind in range(6)]
    assert all(values.std() < 1e-9 for values in by_kind)
    assert np.std([values.mean() for values in by_kind]) > 0.05


def test_after_a_change_the_kinds_have_other_efficiencies_and_all_else_is_the_same() -> None:
    never, half_way, always = (
        Synthetic(SyntheticParams(change=change, noise=0.0)).load(request(tasks=1000)) for change in (1.0, 0.5, 0.0)
    )
    assert np.array_equal(never.actual_s, Synthetic(SyntheticParams(noise=0.0)).load(request(tasks=1000)).actual_s)
    assert np.array_equal(half_way.actual_s[:500], never.actual_s[:500])
    assert np.array_equal(half_way.actual_s[500:], always.actual_s[500:])
    for same in ("etc_s", "features", "memory_gb"):
        assert np.array_equal(getattr(never, same), getattr(half_way, same))
    ratio = np.log(always.actual_s / never.actual_s)
    by_kind = [ratio[never.features[:, 3] == kind] for kind in range(6)]
    assert all(values.std(axis=0).max() < 1e-9 for values in by_kind), "one factor for each kind and device model"
    assert np.std([values.mean(axis=0) for values in by_kind], axis=0).min() > 0.1


def test_without_noise_the_truth_is_the_law() -> None:
    tasks = Synthetic(SyntheticParams(noise=0.0)).load(request(tasks=100))
    assert tasks.law_s is not None
    assert np.array_equal(tasks.actual_s, tasks.law_s)


def test_every_synthetic_task_fits_every_device_of_the_presets() -> None:
    tasks = Synthetic(SyntheticParams(sizes="pareto")).load(request(tasks=50_000))
    assert tasks.memory_gb.max() <= min(device.memory_gb for device in DEFAULT.devices)


def test_bursts_keep_the_mean_rate_and_spread_the_gaps() -> None:
    smooth, burst = (process(np.random.default_rng(3), 200_000) for process in (poisson, bursty))
    assert smooth[-1] == pytest.approx(200_000, rel=0.02)
    assert burst[-1] == pytest.approx(200_000, rel=0.05)
    assert np.diff(burst).min() >= 0
    variation = [np.diff(times).std() / np.diff(times).mean() for times in (smooth, burst)]
    assert variation[0] == pytest.approx(1.0, rel=0.02)
    assert variation[1] > 1.3


@pytest.mark.parametrize(("tiles", "tasks"), [(1, 1), (8, 120), (16, 816), (32, 5984)])
def test_the_cholesky_graph_has_the_published_number_of_tasks(tiles: int, tasks: int) -> None:
    assert Cholesky.task_count(tiles) == tasks
    assert len(Cholesky(TiledParams(tiles=tiles)).load(request())) == tasks


def test_the_cholesky_graph_has_the_published_critical_path() -> None:
    tasks = Cholesky(TiledParams(tiles=8)).load(request())
    finish = np.zeros(len(tasks))
    for i in range(len(tasks)):  # parents come before their children
        parents = tasks.parent_index[tasks.parent_start[i] : tasks.parent_start[i + 1]]
        finish[i] = tasks.actual_s[i].min() + max((finish[p] for p in parents), default=0.0)
    assert finish.max() * 1000 == pytest.approx(75.79, abs=0.01)  # StarPU figures, 8 tiles, critical path bound
    assert set(tasks.parent_gb) == {TILE_GB}


def test_the_tasks_asked_for_choose_the_largest_matrix_within_them() -> None:
    assert [Cholesky.tiles_within(n) for n in (1, 3, 4, 119, 120, 121)] == [1, 1, 2, 7, 8, 8]
    assert len(Cholesky().load(request(tasks=1000))) == 969


@pytest.mark.parametrize(("tiles", "tasks"), [(1, 1), (2, 5), (3, 14), (12, 650)])
def test_the_lu_graph_has_as_many_tasks_as_the_sum_of_the_squares(tiles: int, tasks: int) -> None:
    assert Lu.task_count(tiles) == tasks
    assert len(Lu(TiledParams(tiles=tiles)).load(request())) == tasks


@pytest.mark.parametrize("tiles", [1, 2, 5])
def test_the_steps_of_lu_in_their_order_factorise_a_matrix(tiles: int) -> None:
    """Each kernel does on one number what it does on a tile; the product of the factors is the matrix."""
    matrix = np.random.default_rng(1).uniform(1.0, 2.0, (tiles, tiles)) + 10.0 * np.eye(tiles)
    a = matrix.copy()
    for (kernel, *_), (row, column), read in Lu.steps(tiles):
        if kernel == "trsm_ru":  # L has ones on its diagonal, so trsm_ll leaves a single number as it is
            a[row, column] /= a[read[0]]
        elif kernel == "gemm":
            a[row, column] -= a[read[0]] * a[read[1]]
    assert np.allclose((np.tril(a, -1) + np.eye(tiles)) @ np.triu(a), matrix)


def test_every_task_of_lu_waits_for_the_writers_of_the_tiles_that_it_touches() -> None:
    tasks = Lu(TiledParams(tiles=2)).load(request())
    assert tasks.names == ("getrf_0_0_0", "trsm_ll_0_0_1", "trsm_ru_0_1_0", "gemm_0_1_1", "getrf_1_1_1")
    assert tasks.parent_start.tolist() == [0, 0, 1, 2, 4, 5]
    assert tasks.parent_index.tolist() == [0, 0, 2, 1, 3]


def test_a_load_for_a_graph_that_arrives_at_once_is_answered_with_a_note() -> None:
    assert any("load has no effect" in note for note in Cholesky().load(request(load=0.5)).notes)


HEADER = "benchmark,dataset,comp,rational,mem,localmem,coalesced,atomic,transfer,wgsize,oracle,runtime_cpu,runtime_gpu"
ROWS = """\
a,default,12,2,6,0,6,0,131072,256,GPU,2,1
b,4096,12,2,6,0,6,3,131072,256,GPU,4,0.5
c,default,1,2,6,0,6,0,1024,256,CPU,8,16
"""


def kernels_file(folder: Path, rows: str = ROWS) -> Path:
    path = folder / "kernels.csv"
    path.write_text(f"{HEADER}\n{rows}")
    return path


def test_kernels_have_their_measured_seconds_and_the_median_as_nominal(tmp_path: Path) -> None:
    tasks = Kernels().load(request(path=kernels_file(tmp_path)))
    assert tasks.names is not None
    assert dict(zip(tasks.names, tasks.actual_s.tolist(), strict=True)) == {
        "a": [0.002, 0.001], "b/4096": [0.004, 0.0005], "c": [0.008, 0.016],
    }  # fmt: skip
    assert tasks.etc_s.tolist() == [[0.004, 0.001]] * 3
    assert "medians (4 ms on CPUs, 1 ms on GPUs)" in tasks.notes[0]


def test_kernels_with_atomic_operations_are_not_divisible(tmp_path: Path) -> None:
    tasks = Kernels().load(request(path=kernels_file(tmp_path)))
    assert tasks.names is not None
    assert dict(zip(tasks.names, tasks.divisible.tolist(), strict=True)) == {"a": True, "b/4096": False, "c": True}


def test_more_tasks_than_kernels_draw_further_ones_by_the_seed(tmp_path: Path) -> None:
    path = kernels_file(tmp_path)
    first, again = (Kernels().load(request(path=path, tasks=50)) for _ in range(2))
    assert len(first) == 50
    assert first.names == again.names
    assert first.names is not None and set(first.names[:3]) == {"a", "b/4096", "c"}
    assert Kernels().load(request(path=path, tasks=2)).names == first.names[:2]


def test_a_bad_kernel_is_reported_by_line_and_column(tmp_path: Path) -> None:
    path = kernels_file(tmp_path, ROWS.replace("8,16\n", "x,-1\n").replace("131072", "1e308", 1))
    with pytest.raises(InputError) as caught:
        Kernels().load(request(path=path))
    assert "line 2, column transfer: 1e308 must be at most 1e+15" in str(caught.value)
    assert "line 4, column runtime_cpu: 'x' is not a number" in str(caught.value)
    assert "line 4, column runtime_gpu: -1 must be above 0" in str(caught.value)


def test_kernels_are_read_as_published_with_an_index_and_sources_of_many_lines(tmp_path: Path) -> None:
    path = kernels_file(tmp_path)
    plain = read_kernels(path)
    head, *rows = path.read_text().splitlines()
    code = '"__kernel void A() {\n  a[0] = ""x"", b;\n}"'
    path.write_text("\n".join([f",{head},src,seq", *(f"{i},{row},{code},[1 2 3]" for i, row in enumerate(rows))]))
    published = read_kernels(path)
    assert published.names == plain.names
    assert np.array_equal(published.counts, plain.counts)
    assert np.array_equal(published.seconds, plain.seconds)


@pytest.mark.skipif(not KERNELS.is_file(), reason="the measured kernels (../shared/traces) are not here")
def test_the_published_kernels_are_recognised_and_read_whole() -> None:
    assert Kernels.recognises(KERNELS, KERNELS.read_text()[:4096])
    tasks = Kernels().load(request(path=KERNELS))
    assert len(tasks) == 680
    assert tasks.names is not None
    first = tasks.names.index("amd-app-sdk-3.0-BinomialOption-binomial_options")
    assert tasks.actual_s[first].tolist() == pytest.approx([3.2910730e-3, 0.152038e-3])


H100 = load_cluster("kernels_h100")


def test_every_kernel_of_the_h100_keeps_what_was_measured_of_it() -> None:
    all_once = KernelsH100(KernelsParams(arrivals="at_once")).load(request(cluster=H100, tasks=15))
    assert all_once.names is not None and len(set(all_once.names)) == 15
    assert all_once.names[:4] == ("saxpy/8388608", "saxpy/16777216", "saxpy/33554432", "matmul/1024")
    assert all_once.actual_s[3].tolist() == [0.163925, 0.000343572]
    assert np.array_equal(all_once.etc_s, all_once.actual_s)
    assert all_once.transfer_gb[3] == all_once.memory_gb[3] == 0.012582912
    assert all_once.feature_names == ("size", "flops", "bytes", "work_items")
    assert all_once.features[3].tolist() == [1024, 2147483648, 12582912, 1048576]

    drawn = KernelsH100().load(request(cluster=H100))
    assert drawn.names is not None and len(drawn) == 1500
    assert set(drawn.names) == set(all_once.names)
    at = [all_once.names.index(name) for name in drawn.names]
    for column in ("actual_s", "etc_s", "features", "memory_gb", "transfer_gb"):
        assert np.array_equal(getattr(drawn, column), getattr(all_once, column)[at])
    assert drawn.divisible.all() and all_once.divisible.all()
    assert load_of(drawn, H100) == pytest.approx(0.8, rel=0.1)


def test_the_same_seed_draws_the_same_kernels_of_the_h100_at_every_load() -> None:
    low, high, other = (
        KernelsH100().load(request(cluster=H100, tasks=200, load=load, seed=seed))
        for load, seed in ((0.4, 7), (0.8, 7), (0.8, 8))
    )
    assert low.names == high.names != other.names
    assert np.allclose(low.arrival_s, 2 * high.arrival_s)


def test_kernels_of_the_h100_on_another_cluster_say_where_they_were_measured() -> None:
    assert "The cluster 'kernels_h100' is where they were measured." in KernelsH100().load(request()).notes[-1]
    assert len(KernelsH100().load(request(cluster=H100)).notes) == 1
